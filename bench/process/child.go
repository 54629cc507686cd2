package process

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Child is another run of this program that answers questions: lines of JSON
// on its standard input and output. It is not for concurrent use.
type Child struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
}

// Start runs this program again with the arguments, where the system allows it in a session of
// its own, since Linux shares the processors by session, and on one CPU alone. A negative cpu
// stands for all of them.
func Start(cpu int, args ...string) (*Child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &Child{cmd: exec.Command(exe, args...)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.answers = json.NewDecoder(out)
	return c, start(c.cmd, cpu)
}

type question struct {
	Name     string
	Argument json.RawMessage
}

type answer struct {
	Value json.RawMessage
	Error string
}

// patience is how long a child may take for an answer, or to end. Then it is killed.
const patience = 2 * time.Minute

// Ask asks a question and stores what is answered in value, unless that is nil.
func (c *Child) Ask(name string, argument, value any) error {
	defer time.AfterFunc(patience, func() { c.cmd.Process.Kill() }).Stop()
	arg, err := json.Marshal(argument)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(c.in).Encode(question{name, arg}); err != nil {
		return err
	}
	var a answer
	if err := c.answers.Decode(&a); err != nil {
		return fmt.Errorf("asking for %s: the process is gone: %w", name, err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(a.Value, value)
}

// Stop ends the child and waits until it is gone.
func (c *Child) Stop() error {
	defer time.AfterFunc(patience, func() { c.cmd.Process.Kill() }).Stop()
	c.in.Close()
	return c.cmd.Wait()
}

// Answer is the child's part: it answers questions until its input ends.
func Answer(in io.Reader, out io.Writer, f func(name string, argument json.RawMessage) (any, error)) error {
	questions, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	for {
		var q question
		if err := questions.Decode(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var a answer
		value, err := f(q.Name, q.Argument)
		if err == nil {
			a.Value, err = json.Marshal(value)
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spoutws/spout"
)

// Asker asks the peers of connections, and hands each answer to who asked. The zero value is ready; all methods
// may be called from any goroutine. A server has one for all its connections:
//
//	func (m *member) OnMessage(c *spout.Conn, msg spout.Message) error {
//		if m.asker.Answered(c, msg) {
//			return nil
//		}
//		...
//
// The peer answers with [Asked], with package client, or with the script that belongs to it.
type Asker struct {
	last atomic.Uint64 // the ID given last

	mu   sync.Mutex
	open map[*spout.Conn]map[string]chan Envelope // by ID
}

const (
	maxOpen    = 100              // questions without an answer, of an Asker to a connection
	maxID      = 64               // bytes of the ID of a question that is accepted
	answerTime = 10 * time.Second // where the context has no deadline
)

// ErrUnanswered is what Asker.Ask returns when 100 questions to the connection have no answer yet. Nothing
// was sent.
var ErrUnanswered = errors.New("hub: 100 questions to this connection have no answer yet")

// AnswerError is an answer in place of a message: the peer says why it has none.
type AnswerError struct {
	Reason string
}

func (e *AnswerError) Error() string {
	return "hub: the question was answered with an error: " + e.Reason
}

// Ask sends m as a question and returns the answer. It waits until ctx ends, at most 10 s if that has no
// deadline; an answer that comes later is dropped. If the connection ends, the error is its
// *[spout.CloseError]: in both cases it is not known whether the peer got the question. An
// *[AnswerError] is an answer.
//
// The answer arrives as a message of the connection. So an event of that connection must not wait for it, but
// has to ask in a goroutine: otherwise Ask only returns when its time is over.
func (a *Asker) Ask(ctx context.Context, c *spout.Conn, m spout.Message) (spout.Message, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, answerTime)
		defer cancel()
	}
	id := strconv.FormatUint(a.last.Add(1), 36)
	question, err := enclose(Envelope{Type: Ask, ID: id}, m)
	if err != nil {
		return spout.Message{}, err
	}
	answer, err := a.expect(c, id)
	if err != nil {
		return spout.Message{}, err
	}
	defer a.forget(c, id)
	if err := c.Write(ctx, question); err != nil {
		return spout.Message{}, fmt.Errorf("hub: ask: %w", err)
	}
	var e Envelope
	select {
	case e = <-answer:
	case <-c.Context().Done():
		// What came before the end is the answer all the same.
		select {
		case e = <-answer:
		default:
			return spout.Message{}, fmt.Errorf("hub: no answer: %w", context.Cause(c.Context()))
		}
	case <-ctx.Done():
		return spout.Message{}, fmt.Errorf("hub: no answer in time (a question within an event of the same connection can't get one): %w", ctx.Err())
	}
	if m, ok := e.Message(); ok {
		return m, nil
	}
	return spout.Message{}, &AnswerError{e.Error}
}

// expect notes that an answer is to come.
func (a *Asker) expect(c *spout.Conn, id string) (<-chan Envelope, error) {
	answer := make(chan Envelope, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	open := a.open[c]
	switch {
	case len(open) >= maxOpen:
		return nil, ErrUnanswered
	case open == nil:
		open = make(map[string]chan Envelope)
		if a.open == nil {
			a.open = make(map[*spout.Conn]map[string]chan Envelope)
		}
		a.open[c] = open
	}
	open[id] = answer
	return answer, nil
}

func (a *Asker) forget(c *spout.Conn, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open[c], id)
	if len(a.open[c]) == 0 {
		delete(a.open, c)
	}
}

// Answered reports whether m, which came on c, is an answer to a question, and hands it to who asked, if
// anybody waits for it still. Then there is nothing else to do with m.
func (a *Asker) Answered(c *spout.Conn, m spout.Message) bool {
	e, ok := parse(m, Answer)
	if !ok {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer := a.open[c][e.ID]; answer != nil {
		answer <- e // has room for it
		delete(a.open[c], e.ID)
	}
	return true
}

// Question is what the peer of a connection asks. It is to be answered once, at any time, from any goroutine; who
// asked waits as long as it likes.
type Question struct {
	Message spout.Message

	conn *spout.Conn
	id   string
	done atomic.Bool
}

// Asked returns the question that m is, if it is one. m came on c: a handler calls Asked in OnMessage, and
// whoever reads in a loop with what was read.
//
//	if q, ok := hub.Asked(c, msg); ok {
//		return q.Answer(spout.Text("done"))
//	}
func Asked(c *spout.Conn, m spout.Message) (q *Question, ok bool) {
	e, ok := parse(m, Ask)
	if !ok {
		return nil, false
	}
	message, ok := e.Message()
	if !ok {
		return nil, false
	}
	return &Question{Message: message, conn: c, id: e.ID}, true
}

// Answer sends m to who asked, as [spout.Conn.Send] does.
func (q *Question) Answer(m spout.Message) error {
	answer, err := enclose(Envelope{Type: Answer, ID: q.id}, m)
	if err != nil {
		return err
	}
	return q.send(answer)
}

// Fail sends the text of an error to who asked, in place of a message.
func (q *Question) Fail(reason error) error {
	e := Envelope{Type: Answer, ID: q.id, Error: reason.Error()}
	return q.send(e.encode())
}

func (q *Question) send(answer spout.Message) error {
	if q.done.Swap(true) {
		return &spout.UsageError{Op: "answer", Reason: "the question is answered already"}
	}
	return q.conn.Send(answer)
}

// enclose returns the envelope with m in it, as a message.
func enclose(e Envelope, m spout.Message) (spout.Message, error) {
	if err := sendable(string(e.Type), m); err != nil {
		return spout.Message{}, err
	}
	e.put(m)
	return e.encode(), nil
}

// parse returns the envelope that m is, if it is one of type t with an ID. Most messages are not decoded for that.
func parse(m spout.Message, t EnvelopeType) (e Envelope, ok bool) {
	if m.Type != spout.TextMessage || !bytes.HasPrefix(m.Data, []byte("{")) || !bytes.Contains(m.Data, []byte(`"`+t+`"`)) {
		return Envelope{}, false
	}
	if m.Decode(&e) != nil || e.Type != t || e.ID == "" || len(e.ID) > maxID {
		return Envelope{}, false
	}
	return e, true
}

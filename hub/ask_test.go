package hub_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/spouttest"
)

// answering is a server that answers each question with what a function of the test makes of it, and tells the
// test of everything else.
func answering(answer func(q *hub.Question) error, rest func(m spout.Message)) http.Handler {
	var srv spout.Server
	return srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		if q, ok := hub.Asked(c, m); ok {
			return answer(q)
		}
		rest(m)
		return nil
	})
}

// hear reads what comes to an Asker's connection until it ends.
func hear(a *hub.Asker, c *spout.Conn, rest func(m spout.Message)) (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		for m, err := range c.Messages(context.Background()) {
			if err == nil && !a.Answered(c, m) {
				rest(m)
			}
		}
	}()
	return ended
}

func TestAsk(t *testing.T) {
	for name, test := range map[string]struct {
		question, answer spout.Message
		reason           string
	}{
		"text":         {spout.Text("what"), spout.Text("that"), ""},
		"binary":       {spout.Binary([]byte{0xff}), spout.Binary([]byte{0, 0xfe}), ""},
		"empty text":   {spout.Text(""), spout.Text(""), ""},
		"empty binary": {spout.Binary(nil), spout.Binary(nil), ""},
		"an error":     {spout.Text("what"), spout.Message{}, "never heard of it"},
		"no reason":    {spout.Text("what"), spout.Message{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a hub.Asker
				c := spouttest.Dial(t, answering(func(q *hub.Question) error {
					if q.Message.Type != test.question.Type || q.Message.String() != test.question.String() {
						t.Errorf("the question is %+v", q.Message)
					}
					if test.answer.Type == 0 {
						return q.Fail(errors.New(test.reason))
					}
					return q.Answer(test.answer)
				}, func(m spout.Message) { t.Errorf("not taken for a question: %s", m) }), "/")
				hear(&a, c, func(m spout.Message) { t.Errorf("not taken for an answer: %s", m) })
				m, err := a.Ask(t.Context(), c, test.question)
				if test.answer.Type == 0 {
					if e, ok := errors.AsType[*hub.AnswerError](err); !ok || e.Reason != test.reason {
						t.Errorf("got %+v, %v", m, err)
					}
				} else if err != nil || m.Type != test.answer.Type || m.String() != test.answer.String() {
					t.Errorf("got %+v, %v", m, err)
				}
			})
		})
	}
}

func TestAskManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a hub.Asker
		later := make(chan *hub.Question, 100)
		c := spouttest.Dial(t, answering(func(q *hub.Question) error {
			later <- q
			return nil
		}, func(m spout.Message) { t.Errorf("%s", m) }), "/")
		hear(&a, c, func(m spout.Message) { t.Errorf("%s", m) })
		results := make(chan string, 200)
		for i := range 101 {
			go func() {
				m, err := a.Ask(t.Context(), c, spout.Text(fmt.Sprint(i)))
				if err == nil && m.String() != fmt.Sprint("answer to ", i) {
					err = fmt.Errorf("question %d got %q", i, m)
				}
				results <- fmt.Sprint(err)
			}()
		}
		synctest.Wait()
		if got := <-results; got != hub.ErrUnanswered.Error() {
			t.Errorf("the question that was one too many: %s", got)
		}
		for range 100 { // and not in the order in which they came
			q := <-later
			go q.Answer(spout.Text("answer to " + q.Message.String()))
		}
		for range 100 {
			if got := <-results; got != "<nil>" {
				t.Error(got)
			}
		}
	})
}

// A question waits for its context, or 10 s; its late answer is no message, and not the answer to the next one.
func TestAskInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a hub.Asker
		var first atomic.Pointer[hub.Question]
		c := spouttest.Dial(t, answering(func(q *hub.Question) error {
			if old := first.Swap(q); old != nil {
				if err := old.Answer(spout.Text("late")); err != nil {
					t.Error(err)
				}
			}
			return nil
		}, func(m spout.Message) { t.Errorf("%s", m) }), "/")
		hear(&a, c, func(m spout.Message) { t.Errorf("%s", m) })
		for _, wait := range []time.Duration{0, time.Minute} {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if wait > 0 {
				ctx, cancel = context.WithTimeout(ctx, wait)
			}
			begin := time.Now()
			_, err := a.Ask(ctx, c, spout.Text("?"))
			cancel()
			if wait == 0 {
				wait = 10 * time.Second
			}
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != wait {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
		}
		if err := first.Load().Answer(spout.Text("once")); err != nil {
			t.Error(err)
		}
		var misused *spout.UsageError
		if err := first.Load().Fail(errors.New("twice")); !errors.As(err, &misused) {
			t.Errorf("answered twice: %v", err)
		}
	})
}

func TestAskAConnectionThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a hub.Asker
		var srv spout.Server
		c := spouttest.Dial(t, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			return c.Close(4000, "no questions")
		}), "/")
		ended := hear(&a, c, func(m spout.Message) { t.Errorf("%s", m) })
		if _, err := a.Ask(t.Context(), c, spout.Text("?")); spout.CloseCode(err) != 4000 {
			t.Errorf("while it was open: %v", err)
		}
		<-ended
		if _, err := a.Ask(t.Context(), c, spout.Text("?")); spout.CloseCode(err) != 4000 {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestAskMisused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a hub.Asker
		c := spouttest.Dial(t, answering(func(q *hub.Question) error {
			if _, ok := errors.AsType[*spout.UsageError](q.Answer(spout.Text("\xff"))); !ok {
				t.Error("an answer that is not UTF-8 was sent")
			}
			return q.Answer(spout.Text("fine"))
		}, func(m spout.Message) { t.Errorf("%s", m) }), "/")
		hear(&a, c, func(m spout.Message) { t.Errorf("%s", m) })
		for _, m := range []spout.Message{spout.Text("\xff"), {}} {
			if _, err := a.Ask(t.Context(), c, m); err == nil {
				t.Errorf("%+v was sent", m)
			} else if _, ok := errors.AsType[*spout.UsageError](err); !ok {
				t.Errorf("%+v: %v", m, err)
			}
		}
		if m, err := a.Ask(t.Context(), c, spout.Text("?")); err != nil || m.String() != "fine" {
			t.Errorf("got %q, %v", m, err)
		}
	})
}

// In an event of its own connection, a question ends with its time, and says why.
func TestAskInAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a hub.Asker
		var srv spout.Server
		failed := make(chan error, 1)
		c := spouttest.Dial(t, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			if a.Answered(c, m) {
				return nil
			}
			_, err := a.Ask(t.Context(), c, spout.Text("?"))
			failed <- err
			return nil
		}), "/")
		if err := c.Send(spout.Text("go")); err != nil {
			t.Fatal(err)
		}
		m, err := c.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		q, ok := hub.Asked(c, m)
		if !ok {
			t.Fatalf("%s is no question", m)
		}
		if err := q.Answer(spout.Text("!")); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "within an event") {
			t.Error(err)
		}
	})
}

// What only looks like a question or an answer is left to the application.
func TestNeitherAskNorAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a hub.Asker
		c := spouttest.Dial(t, answering(nil, func(spout.Message) {}), "/")
		long := strings.Repeat("i", 65)
		for _, m := range []spout.Message{
			spout.Text(""), spout.Text("hello"), spout.Text(`"ask"`), spout.Text(`"answer"`), spout.Text(`{"ask":"answer"}`),
			spout.Text(`{"type":"ask"}`), spout.Text(`{"type":"ask","id":"1"}`), spout.Text(`{"type":"ask","text":"x"}`),
			spout.Text(`{"type":"ask","id":"1","text":"x"`), spout.Text(`{"type":"ask","id":1,"text":"x"}`),
			spout.Text(`{"type":"ask","id":"` + long + `","text":"x"}`), spout.Text(`{"type":"answer"}`),
			spout.Text(`{"type":"answer","id":"` + long + `"}`), spout.Text(`[{"type":"ask","id":"1","text":"x"}]`),
			spout.Binary([]byte(`{"type":"ask","id":"1","text":"x"}`)), spout.Binary([]byte(`{"type":"answer","id":"1"}`)),
		} {
			if q, ok := hub.Asked(c, m); ok || q != nil {
				t.Errorf("%s is a question", m)
			}
			if a.Answered(c, m) {
				t.Errorf("%s is an answer", m)
			}
		}
		if q, ok := hub.Asked(c, spout.Text(`{"type":"ask","id":"1","text":"x"}`)); !ok || q.Message.String() != "x" {
			t.Errorf("%+v is no question", q)
		}
		if !a.Answered(c, spout.Text(`{"type":"answer","id":"1"}`)) {
			t.Error("no answer")
		}
	})
}

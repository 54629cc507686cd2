package conformance

import (
	"fmt"
	"time"
)

// Figure is something that a case measured.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Bound float64 `json:"bound,omitempty"` // the most that is a pass; 0: it is not judged
}

func (f Figure) String() string {
	s := fmt.Sprintf("%s %.4g %s", f.Name, f.Value, f.Unit)
	if f.Bound > 0 {
		s += fmt.Sprintf(" (at most %.4g)", f.Bound)
	}
	return s
}

// The advice that bounds rest on, where no standard speaks of them.
var (
	adviceMemory      = Rule{advisory, "memory", "What a peer sends, or claims to send, costs a server little more memory than the limits that it has set itself."}
	adviceCPU         = Rule{advisory, "cpu", "A frame that carries nothing costs a server next to nothing."}
	adviceDescriptors = Rule{advisory, "descriptors", "A connection that is gone leaves nothing open."}
	adviceAlive       = Rule{advisory, "alive", "Whatever one peer does, a server goes on serving others."}
)

// bounds are what a case may cost the server's process. What is 0 is not judged.
type bounds struct {
	memory int64         // bytes more than when the load began, at the worst moment
	frame  time.Duration // CPU for each unit of load, as work counts them
}

// alone has a case run after all others: what it costs the server, or leaves open, is looked at.
func (c *Case) alone() *Case {
	c.exclusive = true
	return c
}

// costs sets the bounds of a case, which runs alone.
func (c *Case) costs(b bounds) *Case {
	c.bounds = b
	return c.alone()
}

// mayTake lets a case take n times the timeout.
func (c *Case) mayTake(n int) *Case {
	c.timeouts = n
	return c
}

// mostlyWaits has a case run beside all others, for at most n times the timeout.
func (c *Case) mostlyWaits(n int) *Case {
	c.waits = true
	return c.mayTake(n)
}

// unmeasured is noted where a case has bounds and nothing to hold against them.
const unmeasured = "what it costs is not judged: the server's process is not known"

// measuring is the load of a case, as the server's process feels it.
type measuring struct {
	process *process // nil: nobody said which it is
	start   usage    // when the load began
	units   int      // of load
}

// begin says that what follows is the load; what came before, such as connecting, does not count.
func (s *session) begin() {
	m := &s.measuring
	m.units = 0
	if m.process != nil {
		m.process.resetPeak()
		m.start = s.usage()
	}
}

// usage reads the server's process. A case whose server has died says so.
func (s *session) usage() usage {
	u, err := s.measuring.process.read()
	if err != nil {
		s.failRule(adviceAlive, "the server's process is gone: %v", err)
	}
	return u
}

// work counts units of load.
func (s *session) work(n int) { s.measuring.units += n }

// figure notes something measured. It fails the case if that is above a bound other than 0.
func (s *session) figure(r Rule, f Figure) {
	s.measured = append(s.measured, f)
	if f.Bound > 0 && f.Value > f.Bound {
		s.failRule(r, "%v", f)
	}
}

// judge ends the load and holds what it cost against bounds.
func (s *session) judge(b bounds) {
	m := &s.measuring
	switch {
	case b == bounds{}:
		return
	case m.process == nil:
		s.exchange.note(unmeasured)
		return
	}
	end := s.usage()
	if b.memory > 0 {
		grown := max(end.peak, end.memory) - m.start.memory
		s.figure(adviceMemory, Figure{"memory", float64(max(grown, 0)) / mib, "MiB", float64(b.memory) / mib})
	}
	if b.frame > 0 && m.units > 0 {
		each := (end.cpu - m.start.cpu) / time.Duration(m.units)
		s.figure(adviceCPU, Figure{"CPU per frame", float64(each), "ns", float64(b.frame)})
	}
}

// afterwards checks that a hostile case has left the server as it was: it serves others, and the
// descriptors in use are as many as before, if that is known.
func (s *session) afterwards(descriptors int) {
	o := s.another()
	o.open()
	o.exchangeFrames(text("still there?"))
	o.hangUp()
	if descriptors > 0 {
		s.closedAgain(descriptors)
	}
}

// closedAgain waits until no more descriptors of the server's process are open than before.
func (s *session) closedAgain(before int) {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		now := s.usage().descriptors
		if now <= before {
			return
		}
		if time.Now().After(s.deadline) {
			s.failRule(adviceDescriptors, "%d descriptors of the server's process were open before, %d are afterwards", before, now)
		}
		wait(s.ctx, pause)
	}
}

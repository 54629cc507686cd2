// Package conformance holds the cases of RFC 6455 and RFC 7692 that `spout check` runs against a
// server, and what runs them.
//
// A case opens a connection of its own, sends bytes, and judges what comes back: pass, lenient,
// fail or unsupported. The server under test must echo every message with its type. Bytes on the wire are
// built and read by this package alone, slowly and obviously, so that a fault of the library
// can't hide behind the same fault here.
//
// A verdict is fail where the server breaks a MUST of the RFC or a statement of the same weight,
// and lenient where it departs from a SHOULD, or where the RFC binds the sender only and common
// practice accepts what was sent. It is unsupported where the server declines what it may decline,
// such as compression, and the case can't be asked without.
//
// The hostile families rest on the standards where these speak, and else on advice: a case that
// floods or keeps waiting has bounds on what it may cost the server's process, if that is known.
// After each the server must serve others as before.
//
// The client cases are the mirror: a [ClientChecker] is the server, and a client under test connects
// to it, or is started for every case. That a message was not delivered shows in that no echo comes.
package conformance

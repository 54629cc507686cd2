package conformance

// Where the rules of HTTP stand.
const (
	httpSemantics = "RFC 9110"
	httpMessages  = "RFC 9112"
)

// The sentences of HTTP that hostile handshakes rest on, by section, and advice.
var (
	ruleCharacters   = Rule{httpSemantics, "5.5", "Field values containing CR, LF, or NUL characters are invalid and dangerous, due to the varying ways that implementations might parse and interpret those characters; a recipient of CR, LF, or NUL within a field value MUST either reject the message or replace each of those characters with SP before further processing or forwarding of that message."}
	ruleFieldName    = Rule{httpSemantics, "5.1", "Field names are case-insensitive and ought to be registered within the \"Hypertext Transfer Protocol (HTTP) Field Name Registry\"; see Section 16.3.1."}
	ruleFieldSize    = Rule{httpSemantics, "5.4", "A server that receives a request header field line, field value, or set of fields larger than it wishes to process MUST respond with an appropriate 4xx (Client Error) status code."}
	ruleLineEnd      = Rule{httpMessages, "2.2", "Although the line terminator for the start-line and fields is the sequence CRLF, a recipient MAY recognize a single LF as a line terminator and ignore any preceding CR."}
	ruleBareCR       = Rule{httpMessages, "2.2", "A recipient of such a bare CR MUST consider that element to be invalid or replace each bare CR with SP before processing the element or forwarding the message."}
	ruleLeadingSpace = Rule{httpMessages, "2.2", "A recipient that receives whitespace between the start-line and the first header field MUST either reject the message as invalid or consume each whitespace-preceded line without further processing of it (i.e., ignore the entire line, along with any subsequent lines preceded by whitespace, until a properly formed header field is received or the header section is terminated)."}
	ruleHTTPVersion  = Rule{httpMessages, "2.3", "HTTP-version is case-sensitive."}
	ruleBadLine      = Rule{httpMessages, "3", "Recipients of an invalid request-line SHOULD respond with either a 400 (Bad Request) error or a 301 (Moved Permanently) redirect with the request-target properly encoded."}
	ruleWords        = Rule{httpMessages, "3", "Although the request-line grammar rules require that each of the component elements be separated by a single SP octet, recipients MAY instead parse on whitespace-delimited word boundaries and, aside from the CRLF terminator, treat any form of whitespace as the SP separator while ignoring preceding or trailing whitespace."}
	ruleOneHost      = Rule{httpMessages, "3.2", "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header field and to any request message that contains more than one Host header field line or a Host header field with an invalid field value."}
	ruleAsterisk     = Rule{httpMessages, "3.2.4", "The \"asterisk-form\" of request-target is only used for a server-wide OPTIONS request (Section 9.3.7 of [HTTP])."}
	ruleAuthority    = Rule{httpMessages, "3.2.3", "The \"authority-form\" of request-target is only used for CONNECT requests (Section 9.3.6 of [HTTP])."}
	ruleColon        = Rule{httpMessages, "5.1", "A server MUST reject, with a response status code of 400 (Bad Request), any received request message that contains whitespace between a header field name and colon."}
	ruleFold         = Rule{httpMessages, "5.2", "A server that receives an obs-fold in a request message that is not within a \"message/http\" container MUST either reject the message by sending a 400 (Bad Request), preferably with a representation explaining that obsolete line folding is unacceptable, or replace each received obs-fold with one or more SP octets prior to interpreting the field value or forwarding the message downstream."}
	ruleTwoFramings  = Rule{httpMessages, "6.1", "Regardless, the server MUST close the connection after responding to such a request to avoid the potential attacks."}
	ruleNotChunked   = Rule{httpMessages, "6.3", "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not the final encoding, the message body length cannot be determined reliably; the server MUST respond with the 400 (Bad Request) status code and then close the connection."}
	ruleBadLength    = Rule{httpMessages, "6.3", "If the unrecoverable error is in a request message, the server MUST respond with a 400 (Bad Request) status code and then close the connection."}

	adviceSmuggling = Rule{advisory, "smuggling", "What follows a request that was refused is not answered: the sender takes the connection for a WebSocket, and a request in it may be somebody else's."}
	adviceOrigin    = Rule{advisory, "origin", "A server that refuses foreign origins refuses whatever can be mistaken for its own (section 10.2 of RFC 6455)."}
	adviceHeader    = Rule{advisory, "header", "A header that goes on without end is not read without end."}
)

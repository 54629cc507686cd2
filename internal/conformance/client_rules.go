package conformance

// Where the other rules of the client's cases stand.
const (
	rfc2616 = "RFC 2616"
	rfc9110 = "RFC 9110"
)

// The sentences that only a client's cases rest on, by section.
var (
	ruleMethod           = Rule{rfc6455, "4.1", "The method of the request MUST be GET, and the HTTP version MUST be at least 1.1."}
	ruleResource         = Rule{rfc6455, "4.1", "The \"Request-URI\" part of the request MUST match the /resource name/ defined in Section 3 (a relative URI) or be an absolute http/https URI that, when parsed, has a /resource name/, /host/, and /port/ that match the corresponding ws/wss URI."}
	ruleClientHost       = Rule{rfc6455, "4.1", "The request MUST contain a |Host| header field whose value contains /host/ plus optionally \":\" followed by /port/ (when not using the default port)."}
	ruleClientUpgrade    = Rule{rfc6455, "4.1", "The request MUST contain an |Upgrade| header field whose value MUST include the \"websocket\" keyword."}
	ruleClientConnection = Rule{rfc6455, "4.1", "The request MUST contain a |Connection| header field whose value MUST include the \"Upgrade\" token."}
	ruleClientKey        = Rule{rfc6455, "4.1", "The value of this header field MUST be a nonce consisting of a randomly selected 16-byte value that has been base64-encoded (see Section 4 of [RFC4648])."}
	ruleNonce            = Rule{rfc6455, "4.1", "The nonce MUST be selected randomly for each connection."}
	ruleOneKey           = Rule{rfc6455, "11.3.1", "The |Sec-WebSocket-Key| header field MUST NOT appear more than once in an HTTP request."}
	ruleClientVersion    = Rule{rfc6455, "4.1", "The request MUST include a header field with the name |Sec-WebSocket-Version|. The value of this header field MUST be 13."}
	ruleClientProtocols  = Rule{rfc6455, "4.1", "The elements that comprise this value MUST be non-empty strings with characters in the range U+0021 to U+007E not including separator characters as defined in [RFC2616] and MUST all be unique strings."}
	ruleWait             = Rule{rfc6455, "4.1", "Once the client's opening handshake has been sent, the client MUST wait for a response from the server before sending any further data."}

	ruleNot101           = Rule{rfc6455, "4.1", "If the status code received from the server is not 101, the client handles the response per HTTP [RFC2616] procedures."}
	ruleRedirect         = Rule{rfc6455, "4.1", "In particular, the client might perform authentication if it receives a 401 status code; the server might redirect the client using a 3xx status code (but clients are not required to follow them), etc."}
	ruleNeedsUpgrade     = Rule{rfc6455, "4.1", "If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a value that is not an ASCII case-insensitive match for the value \"websocket\", the client MUST _Fail the WebSocket Connection_."}
	ruleNeedsConnection  = Rule{rfc6455, "4.1", "If the response lacks a |Connection| header field or the |Connection| header field doesn't contain a token that is an ASCII case-insensitive match for the value \"Upgrade\", the client MUST _Fail the WebSocket Connection_."}
	ruleNeedsAccept      = Rule{rfc6455, "4.1", "If the response lacks a |Sec-WebSocket-Accept| header field or the |Sec-WebSocket-Accept| contains a value other than the base64-encoded SHA-1 of the concatenation of the |Sec-WebSocket-Key| (as a string, not base64-decoded) with the string \"258EAFA5-E914-47DA-95CA-C5AB0DC85B11\" but ignoring any leading and trailing whitespace, the client MUST _Fail the WebSocket Connection_."}
	ruleOneAccept        = Rule{rfc6455, "11.3.3", "The |Sec-WebSocket-Accept| header MUST NOT appear more than once in an HTTP response."}
	ruleStrangeExtension = Rule{rfc6455, "4.1", "If the response includes a |Sec-WebSocket-Extensions| header field and this header field indicates the use of an extension that was not present in the client's handshake (the server has indicated an extension not requested by the client), the client MUST _Fail the WebSocket Connection_."}
	ruleStrangeProtocol  = Rule{rfc6455, "4.1", "If the response includes a |Sec-WebSocket-Protocol| header field and this header field indicates the use of a subprotocol that was not present in the client's handshake (the server has indicated a subprotocol not requested by the client), the client MUST _Fail the WebSocket Connection_."}
	ruleEmptyProtocol    = Rule{rfc6455, "4.2.2", "The empty string is not the same as the null value for these purposes and is not a legal value for this field."}
	ruleOneProtocol      = Rule{rfc6455, "11.3.4", "The |Sec-WebSocket-Protocol| header field MUST NOT appear more than once in an HTTP response."}
	ruleAnswerGrammar    = Rule{rfc6455, "4.1", "If the server's response does not conform to the requirements for the server's handshake as defined in this section and in Section 4.2.2, the client MUST _Fail the WebSocket Connection_."}
	ruleNamesOfAnswer    = Rule{rfc6455, "4.1", "Please note that according to [RFC2616], all header field names in both HTTP requests and HTTP responses are case-insensitive."}
	ruleEstablished      = Rule{rfc6455, "4.1", "If the server's response is validated as provided for above, it is said that _The WebSocket Connection is Established_ and that the WebSocket Connection is in the OPEN state."}
	ruleInterim          = Rule{rfc2616, "10.1", "A client MUST be prepared to accept one or more 1xx status responses prior to a regular response, even if the client does not expect a 100 (Continue) status message."}
	ruleUnlimited        = Rule{rfc9110, "17.5", "Failure to limit such processing can result in arbitrary code execution due to buffer or arithmetic overflows, and increased vulnerability to denial-of-service attacks."}
	ruleRedirectLoop     = Rule{rfc9110, "15.4", "A client SHOULD detect and intervene in cyclical redirections (i.e., \"infinite\" redirection loops)."}

	ruleClientMask     = Rule{rfc6455, "5.1", "To avoid confusing network intermediaries (such as intercepting proxies) and for security reasons that are further discussed in Section 10.3, a client MUST mask all frames that it sends to the server (see Section 5.3 for further details)."}
	ruleMaskedByServer = Rule{rfc6455, "5.1", "A client MUST close a connection if it detects a masked frame."}
	ruleFreshMask      = Rule{rfc6455, "5.3", "When preparing a masked frame, the client MUST pick a fresh masking key from the set of allowed 32-bit values."}
	rulePredictable    = Rule{rfc6455, "5.3", "The masking key needs to be unpredictable; thus, the masking key MUST be derived from a strong source of entropy, and the masking key for a given frame MUST NOT make it simple for a server/proxy to predict the masking key for a subsequent frame."}
	ruleClientFail     = Rule{rfc6455, "7.1.7", "To do so, the client MUST _Close the WebSocket Connection_, and MAY report the problem to the user (which would be especially useful for developers) in an appropriate manner."}
	ruleLostTCP        = Rule{rfc6455, "7.2.1", "If at any point the underlying transport layer connection is unexpectedly lost, the client MUST _Fail the WebSocket Connection_."}
	ruleStays          = Rule{rfc6455, "7.2.1", "Except as indicated above or as specified by the application layer (e.g., a script using the WebSocket API), clients SHOULD NOT close the connection."}
	adviceClientMemory = Rule{advisory, "memory", "What a server sends, or claims to send, costs a client little more memory than the limits that it has set itself."}
	ruleClientEnds     = Rule{rfc6455, "7.1.1", "In abnormal cases (such as not having received a TCP Close from the server after a reasonable amount of time) a client MAY initiate the TCP Close."}
)

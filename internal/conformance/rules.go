package conformance

// Where rules stand. The section of advice is its class.
const (
	rfc6455  = "RFC 6455"
	rfc7692  = "RFC 7692"
	advisory = "advisory"
)

// The sentences of RFC 6455 that the cases rest on, by section.
var (
	ruleValidHTTP        = Rule{rfc6455, "4.1", "The handshake MUST be a valid HTTP request as specified by [RFC2616]."}
	ruleHandshakeGrammar = Rule{rfc6455, "4.2.1", "If the server, while reading the handshake, finds that the client did not send a handshake that matches the description below (note that as per [RFC2616], the order of the header fields is not important), including but not limited to any violations of the ABNF grammar specified for the components of the handshake, the server MUST stop processing the client's handshake and return an HTTP response with an appropriate error code (such as 400 Bad Request)."}
	ruleRequestLine      = Rule{rfc6455, "4.2.1", "An HTTP/1.1 or higher GET request, including a \"Request-URI\" [RFC2616] that should be interpreted as a /resource name/ defined in Section 3 (or an absolute HTTP/HTTPS URI containing the /resource name/)."}
	ruleHost             = Rule{rfc6455, "4.2.1", "A |Host| header field containing the server's authority."}
	ruleUpgrade          = Rule{rfc6455, "4.2.1", "An |Upgrade| header field containing the value \"websocket\", treated as an ASCII case-insensitive value."}
	ruleConnection       = Rule{rfc6455, "4.2.1", "A |Connection| header field that includes the token \"Upgrade\", treated as an ASCII case-insensitive value."}
	ruleKey              = Rule{rfc6455, "4.2.1", "A |Sec-WebSocket-Key| header field with a base64-encoded (see Section 4 of [RFC4648]) value that, when decoded, is 16 bytes in length."}
	ruleVersion          = Rule{rfc6455, "4.2.1", "A |Sec-WebSocket-Version| header field, with a value of 13."}
	ruleUnknownHeaders   = Rule{rfc6455, "4.2.1", "Unknown header fields are ignored, as per [RFC2616]."}
	ruleOriginRefusal    = Rule{rfc6455, "4.2.2", "If the server does not wish to accept this connection, it MUST return an appropriate HTTP error code (e.g., 403 Forbidden) and abort the WebSocket handshake described in this section."}
	ruleOtherVersion     = Rule{rfc6455, "4.2.2", "If this version does not match a version understood by the server, the server MUST abort the WebSocket handshake described in this section and instead send an appropriate HTTP error code (such as 426 Upgrade Required) and a |Sec-WebSocket-Version| header field indicating the version(s) the server is capable of understanding."}
	ruleSubprotocol      = Rule{rfc6455, "4.2.2", "The value chosen MUST be derived from the client's handshake, specifically by selecting one of the values from the |Sec-WebSocket-Protocol| field that the server is willing to use for this connection (if any)."}
	ruleNoSubprotocol    = Rule{rfc6455, "4.2.2", "If the client's handshake did not contain such a header field or if the server does not agree to any of the client's requested subprotocols, the only acceptable value is null."}
	ruleNoExtension      = Rule{rfc6455, "4.2.2", "Extensions not listed by the client MUST NOT be listed."}
	rule101              = Rule{rfc6455, "4.2.2", "A Status-Line with a 101 response code as per RFC 2616 [RFC2616]."}
	ruleUpgradeAnswer    = Rule{rfc6455, "4.2.2", "An |Upgrade| header field with value \"websocket\" as per RFC 2616 [RFC2616]."}
	ruleConnectionAnswer = Rule{rfc6455, "4.2.2", "A |Connection| header field with value \"Upgrade\"."}
	ruleAccept           = Rule{rfc6455, "4.2.2", "The value of this header field is constructed by concatenating /key/, defined above in step 4 in Section 4.2.2, with the string \"258EAFA5-E914-47DA-95CA-C5AB0DC85B11\", taking the SHA-1 hash of this concatenated value to obtain a 20-byte value and base64-encoding (see Section 4 of [RFC4648]) this 20-byte hash."}
	ruleOpen             = Rule{rfc6455, "4.2.2", "At this point, the server may begin sending (and receiving) data."}

	ruleLWS          = Rule{rfc6455, "4.3", "This section is using ABNF syntax/rules from Section 2.1 of [RFC2616], including the \"implied *LWS rule\"."}
	ruleAfterOpening = Rule{rfc6455, "5.1", "A data frame MAY be transmitted by either the client or the server at any time after opening handshake completion and before that endpoint has sent a Close frame (Section 5.5.1)."}
	ruleUnmasked     = Rule{rfc6455, "5.1", "The server MUST close the connection upon receiving a frame that is not masked."}
	ruleServerMask   = Rule{rfc6455, "5.1", "A server MUST NOT mask any frames that it sends to the client."}
	ruleRSV          = Rule{rfc6455, "5.2", "If a nonzero value is received and none of the negotiated extensions defines the meaning of such a nonzero value, the receiving endpoint MUST _Fail the WebSocket Connection_."}
	ruleOpcode       = Rule{rfc6455, "5.2", "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_."}
	ruleLength       = Rule{rfc6455, "5.2", "The length of the \"Payload data\", in bytes: if 0-125, that is the payload length."}
	ruleLength16     = Rule{rfc6455, "5.2", "If 126, the following 2 bytes interpreted as a 16-bit unsigned integer are the payload length."}
	ruleLength64     = Rule{rfc6455, "5.2", "If 127, the following 8 bytes interpreted as a 64-bit unsigned integer (the most significant bit MUST be 0) are the payload length."}
	ruleMinimal      = Rule{rfc6455, "5.2", "Note that in all cases, the minimal number of bytes MUST be used to encode the length, for example, the length of a 124-byte-long string can't be encoded as the sequence 126, 0, 124."}
	ruleMask         = Rule{rfc6455, "5.3", "Octet i of the transformed data (\"transformed-octet-i\") is the XOR of octet i of the original data (\"original-octet-i\") with octet at index i modulo 4 of the masking key (\"masking-key-octet-j\"):"}
	ruleExample      = Rule{rfc6455, "5.7", "0x81 0x85 0x37 0xfa 0x21 0x3d 0x7f 0x9f 0x4d 0x51 0x58 (contains \"Hello\")"}
	ruleParse        = Rule{rfc6455, "6.2", "Incoming data MUST be parsed as WebSocket frames as defined in Section 5.2."}
	ruleBinary       = Rule{rfc6455, "5.6", "The \"Payload data\" is arbitrary binary data whose interpretation is solely up to the application layer."}
	ruleConcat       = Rule{rfc6455, "5.4", "A fragmented message is conceptually equivalent to a single larger message whose payload is equal to the concatenation of the payloads of the fragments in order; however, in the presence of extensions, this may not hold true as the extension defines the interpretation of the \"Extension data\" present."}
	ruleFragments    = Rule{rfc6455, "5.4", "A fragmented message consists of a single frame with the FIN bit clear and an opcode other than 0, followed by zero or more frames with the FIN bit clear and the opcode set to 0, and terminated by a single frame with the FIN bit set and an opcode of 0."}
	ruleUnfragm      = Rule{rfc6455, "5.4", "An unfragmented message consists of a single frame with the FIN bit set (Section 5.2) and an opcode other than 0."}
	ruleInterleave   = Rule{rfc6455, "5.4", "The fragments of one message MUST NOT be interleaved between the fragments of another message unless an extension has been negotiated that can interpret the interleaving."}
	ruleInjected     = Rule{rfc6455, "5.4", "An endpoint MUST be capable of handling control frames in the middle of a fragmented message."}
	ruleAnySize      = Rule{rfc6455, "5.4", "A sender MAY create fragments of any size for non-control messages."}
	ruleBoth         = Rule{rfc6455, "5.4", "Clients and servers MUST support receiving both fragmented and unfragmented messages."}
	ruleFirstOpcode  = Rule{rfc6455, "5.4", "As a consequence of these rules, all fragments of a message are of the same type, as set by the first fragment's opcode."}

	ruleControl     = Rule{rfc6455, "5.5", "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."}
	ruleCloseBody   = Rule{rfc6455, "5.5.1", "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer (in network byte order) representing a status code with value /code/ defined in Section 7.4."}
	ruleReason      = Rule{rfc6455, "5.5.1", "Following the 2-byte integer, the body MAY contain UTF-8-encoded data with value /reason/, the interpretation of which is not defined by this specification."}
	ruleCloseReply  = Rule{rfc6455, "5.5.1", "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send a Close frame in response."}
	ruleNoMoreData  = Rule{rfc6455, "5.5.1", "The application MUST NOT send any more data frames after sending a Close frame."}
	ruleCloseTCP    = Rule{rfc6455, "5.5.1", "The server MUST close the underlying TCP connection immediately; the client SHOULD wait for the server to close the connection but MAY close the connection at any time after sending and receiving a Close message, e.g., if it has not received a TCP Close from the server in a reasonable time period."}
	rulePong        = Rule{rfc6455, "5.5.2", "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received a Close frame."}
	rulePongData    = Rule{rfc6455, "5.5.3", "A Pong frame sent in response to a Ping frame must have identical \"Application data\" as found in the message body of the Ping frame being replied to."}
	rulePongLatest  = Rule{rfc6455, "5.5.3", "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in response to previous Ping frame(s), the endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame."}
	ruleUnsolicited = Rule{rfc6455, "5.5.3", "A response to an unsolicited Pong frame is not expected."}
	ruleText        = Rule{rfc6455, "5.6", "Note that a particular text frame might include a partial UTF-8 sequence; however, the whole message MUST contain valid UTF-8."}

	ruleReceived    = Rule{rfc6455, "6.2", "When the last fragment is received as indicated by the FIN bit (frame-fin), it is said that _A WebSocket Message Has Been Received_ with data /data/ (comprised of the concatenation of the \"Application data\" of the fragments) and type /type/ (noted from the first frame of the fragmented message)."}
	ruleCleanly     = Rule{rfc6455, "7.1.1", "An endpoint SHOULD use a method that cleanly closes the TCP connection, as well as the TLS session, if applicable, discarding any trailing bytes that may have been received."}
	ruleAnyMeans    = Rule{rfc6455, "7.1.1", "An endpoint MAY close the connection via any means available when necessary, such as when under attack."}
	ruleFail        = Rule{rfc6455, "7.1.7", "If _The WebSocket Connection is Established_ prior to the point where the endpoint is required to _Fail the WebSocket Connection_, the endpoint SHOULD send a Close frame with an appropriate status code (Section 7.4) before proceeding to _Close the WebSocket Connection_."}
	ruleStop        = Rule{rfc6455, "7.1.7", "An endpoint MUST NOT continue to attempt to process data (including a responding Close frame) from the remote endpoint after being instructed to _Fail the WebSocket Connection_."}
	ruleServerFail  = Rule{rfc6455, "7.1.7", "Similarly, to do so, the server MUST _Close the WebSocket Connection_, and SHOULD log the problem."}
	ruleCodes       = Rule{rfc6455, "7.4.1", "Endpoints MAY use the following pre-defined status codes when sending a Close frame."}
	rule1004        = Rule{rfc6455, "7.4.1", "Reserved. The specific meaning might be defined in the future."}
	rule1005        = Rule{rfc6455, "7.4.1", "1005 is a reserved value and MUST NOT be set as a status code in a Close control frame by an endpoint."}
	rule1006        = Rule{rfc6455, "7.4.1", "1006 is a reserved value and MUST NOT be set as a status code in a Close control frame by an endpoint."}
	rule1015        = Rule{rfc6455, "7.4.1", "1015 is a reserved value and MUST NOT be set as a status code in a Close control frame by an endpoint."}
	ruleUnusedCodes = Rule{rfc6455, "7.4.2", "Status codes in the range 0-999 are not used."}
	ruleProtoCodes  = Rule{rfc6455, "7.4.2", "Status codes in the range 1000-2999 are reserved for definition by this protocol, its future revisions, and extensions specified in a permanent and readily available public specification."}
	ruleLibCodes    = Rule{rfc6455, "7.4.2", "Status codes in the range 3000-3999 are reserved for use by libraries, frameworks, and applications."}
	ruleOwnCodes    = Rule{rfc6455, "7.4.2", "Status codes in the range 4000-4999 are reserved for private use and thus can't be registered."}
	ruleRanges      = Rule{rfc6455, "7.4", "This specification defines a set of pre-defined status codes and specifies which ranges may be used by extensions, frameworks, and end applications."}
	ruleUTF8        = Rule{rfc6455, "8.1", "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_."}
	ruleExtGrammar  = Rule{rfc6455, "9.1", "If a value is received by either the client or the server during negotiation that does not conform to the ABNF below, the recipient of such malformed data MUST immediately _Fail the WebSocket Connection_."}
	ruleExtOffer    = Rule{rfc6455, "9.1", "A server accepts one or more extensions by including a |Sec-WebSocket-Extensions| header field containing one or more extensions that were requested by the client."}
	ruleOrigin      = Rule{rfc6455, "10.2", "Servers that are not intended to process input from any web page but only for certain sites SHOULD verify the |Origin| field is an origin they expect."}
	ruleLimits      = Rule{rfc6455, "10.4", "Implementations that have implementation- and/or platform-specific limitations regarding the frame size or total message size after reassembly from multiple frames MUST protect themselves against exceeding those limits."}
	ruleBadStatus   = Rule{rfc6455, "10.7", "If the invalid data is sent during the WebSocket handshake, the server SHOULD return an appropriate HTTP [RFC2616] status code."}
)

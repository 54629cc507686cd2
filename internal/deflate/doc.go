// Package deflate is permessage-deflate (RFC 7692): what two sides agree on, and the payloads of
// compressed messages.
//
// Compressors and inflaters are large and belong to nobody: they are taken from a pool for one
// message and primed with the last bytes of the direction. So all that a connection keeps for context
// takeover is these bytes, its windows.
//
// Inflating (RFC 1951) is our own: a message must be known to be whole, may arrive in pieces at any
// bit, and goes on behind a final block, none of which the usual packages offer.
package deflate

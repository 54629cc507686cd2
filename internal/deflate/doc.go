// Package deflate is permessage-deflate (RFC 7692): what two sides agree on, and the payloads of
// compressed messages.
//
// Compressors and decompressors are large and belong to nobody: they are taken from a pool for one
// call and primed with the last bytes of the direction. So all that a connection keeps for context
// takeover is these bytes, its windows.
package deflate

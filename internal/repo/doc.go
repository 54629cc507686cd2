// Package repo holds the tests of what is true of the repository as a whole:
// who imports whom, which names are exported, and that the programs in the
// README are those that are compiled. It exports nothing.
package repo

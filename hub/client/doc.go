// Package client stays in a room of package hub, whatever happens to the connection: it connects again, with a
// wait that is random and grows, resumes where it was, and tells of every gap.
//
//	c := client.Client{URL: "wss://example.com/rooms/lobby"}
//	for e, err := range c.Events(ctx) {
//		if err != nil {
//			return err
//		}
//		switch e.Type {
//		case hub.Message:
//			fmt.Println(e.Message)
//		case hub.Gap:
//			fmt.Println("messages may be missing:", e.Reason)
//		}
//	}
//
// The server has it join with the options of [hub.FromRequest]. [Script] is the same for web pages.
package client

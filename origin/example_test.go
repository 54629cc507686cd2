package origin_test

import (
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/spoutws/spout/origin"
)

func ExampleSame() {
	r := httptest.NewRequest("GET", "https://example.com/chat", nil)
	for _, o := range []string{"https://example.com", "http://example.com", "https://evil.com"} {
		r.Header.Set("Origin", o)
		fmt.Println(o, origin.Same(r))
	}
	// Output:
	// https://example.com true
	// http://example.com false
	// https://evil.com false
}

func ExampleAllow() {
	check, err := origin.Allow("https://example.org", "https://*.example.org")
	if err != nil {
		log.Fatal(err)
	}
	// A server uses it so: spout.Server{CheckOrigin: check}
	r := httptest.NewRequest("GET", "https://example.com/chat", nil)
	for _, o := range []string{"https://example.com", "https://www.example.org", "https://evil-example.org"} {
		r.Header.Set("Origin", o)
		fmt.Println(o, check(r))
	}
	// Output:
	// https://example.com true
	// https://www.example.org true
	// https://evil-example.org false
}

func ExampleAllow_error() {
	_, err := origin.Allow("*.example.org")
	fmt.Println(err)
	// Output:
	// origin: "*.example.org": no scheme; write https://*.example.org or http://*.example.org
}

package route_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/spoutws/spout/route"
)

func Example() {
	var mux route.Mux
	mux.HandleFunc(`/rooms/(\w+)`, func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("room %s\n", r.PathValue("1"))
	})
	mux.HandleFunc(`/users/(?<user>[a-z]+)-(?<id>\d+)`, func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("user %s, number %s\n", r.PathValue("user"), r.PathValue("id"))
	})

	for _, path := range []string{"/rooms/tea", "/users/ann-42", "/rooms/tea/x"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// room tea
	// /rooms/tea 200
	// user ann, number 42
	// /users/ann-42 200
	// /rooms/tea/x 404
}

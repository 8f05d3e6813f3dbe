package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"time"

	"warifu/test/stage"
)

var empty = flag.String("empty", "", "serve nothing but a page at this address: bench starts itself so, for the floor of HTTP")

// emptyServer answers with as many bytes as the sign-in page has: what HTTP costs
// by itself.
func emptyServer() (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	port, err := stage.FreePorts(1)
	if err != nil {
		return nil, err
	}
	s := &server{port: port, process: exec.Command(self, "-empty", fmt.Sprintf("localhost:%d", port))}
	return s, s.run(s.base())
}

func serveEmpty() error {
	page := bytes.Repeat([]byte("warifu\n"), 700)
	server := &http.Server{Addr: *empty, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page) // a client that has gone away ends the measurement itself
	})}
	return server.ListenAndServe()
}

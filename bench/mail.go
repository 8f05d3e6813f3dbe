package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
)

// swallowMail takes mail on a port of its own and forgets it, so that the
// server's notices have somewhere to go.
func swallowMail() (port int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go swallow(c)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// swallow says yes to everything (RFC 5321).
func swallow(c net.Conn) {
	defer c.Close()
	fmt.Fprint(c, "220 bench\r\n")
	content := false
	for lines := bufio.NewScanner(c); lines.Scan(); {
		line := lines.Text()
		switch {
		case content && line != ".":
			continue
		case strings.EqualFold(line, "DATA"):
			content = true
			fmt.Fprint(c, "354 go on\r\n")
			continue
		case strings.EqualFold(line, "QUIT"):
			fmt.Fprint(c, "221 bye\r\n")
			return
		}
		content = false
		fmt.Fprint(c, "250 yes\r\n")
	}
}

// Command warifu is the integrated sign-on of a university.
package main

import (
	"context"
	"os"

	"warifu/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

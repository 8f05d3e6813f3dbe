// Empty: it lets argon2.go declare functions whose bodies are in golang.org/x/crypto/argon2.

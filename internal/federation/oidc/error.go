package oidc

import (
	"fmt"
	"net/http"
)

// Error is an error of OAuth 2.0 (RFC 6749 §4.1.2.1 and §5.2) or of OpenID
// Connect Core 1.0 §3.1.2.6, as a client gets it.
type Error struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	status      int    // of the answer to a program; 0 means 400
}

func (e *Error) Error() string { return "oidc: " + e.Code + ": " + e.Description }

// The codes of errors.
const (
	invalidRequest       = "invalid_request"
	invalidClient        = "invalid_client"
	invalidGrant         = "invalid_grant"
	invalidScope         = "invalid_scope"
	invalidToken         = "invalid_token"
	accessDenied         = "access_denied"
	consentRequired      = "consent_required"
	unauthorizedClient   = "unauthorized_client"
	unsupportedGrant     = "unsupported_grant_type"
	unsupportedResponse  = "unsupported_response_type"
	loginRequired        = "login_required"
	interactionRequired  = "interaction_required"
	unmetRequirements    = "unmet_authentication_requirements"
	requestNotSupported  = "request_not_supported"
	uriNotSupported      = "request_uri_not_supported"
	registrationRejected = "registration_not_supported"
	serverError          = "server_error"
	unavailable          = "temporarily_unavailable"
)

func fault(code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...)}
}

func unauthorized(code, format string, args ...any) *Error {
	e := fault(code, format, args...)
	e.status = http.StatusUnauthorized
	return e
}

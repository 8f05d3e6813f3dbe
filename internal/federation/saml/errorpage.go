package saml

import (
	"errors"
	"net/http"

	"warifu/internal/web"
)

var errAtService = errors.New("saml: a service has sent somebody to the error page")

// stops are the pages for the codes by which a service says what went wrong
// there (SAML V2.0 Metadata Deployment Profile for errorURL 1.0, §2.1). Anything
// else, as a placeholder that the service has not replaced, is the last.
var stops = map[string]string{
	"IDENTIFICATION_FAILURE": "stop.sp_identification",
	"AUTHENTICATION_FAILURE": "stop.sp_authentication",
	"AUTHORIZATION_FAILURE":  "stop.sp_authorization",
}

// showError is the page that our metadata name as errorURL. Anybody can send
// people here: it says nothing that the address brings.
func (p *Provider) showError(_ http.ResponseWriter, r *http.Request) error {
	stop, ok := stops[web.Query(r, "code")]
	if !ok {
		stop = "stop.sp_other"
	}
	return &web.Problem{Status: http.StatusOK, Stop: stop, Err: errAtService}
}

package federation

import (
	"net/http"

	"warifu/internal/web"
)

// BadRequest is an error that stays on our own pages: who asks, or where the answer
// goes, is not proven. The page names the service if it is known.
func BadRequest(err error, service Service) error {
	problem := &web.Problem{Status: http.StatusBadRequest, Stop: "stop.sp_nameless", Err: err}
	if service.Name != (Text{}) {
		problem.Stop, problem.Args = "stop.sp_request", []any{"service", service.Name}
	}
	return problem
}

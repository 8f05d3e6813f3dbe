package oidcservice

import (
	"net/http"
	"net/url"

	"warifu/internal/demo/visitors"
)

// backchannelEvent marks a logout token (Back-Channel Logout 1.0 §2.4).
const backchannelEvent = "http://schemas.openid.net/event/backchannel-logout"

const maxForm = 64 << 10

// logout ends the session here and asks the server to end its own.
func (s *Service) logout(w http.ResponseWriter, r *http.Request) {
	ended := s.site.End(w, r)
	target := s.config.PostLogoutRedirectURI()
	if ended.Proof != "" {
		if m, err := s.provider.discover(r.Context()); err == nil && m.EndSession != "" {
			target = withQuery(m.EndSession, url.Values{
				"id_token_hint": {ended.Proof}, "client_id": {s.config.ClientID}, "post_logout_redirect_uri": {target},
			})
		}
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// backchannelLogout ends the sessions that the server names. The caller is no
// browser and has no cookie: the token proves who it is.
func (s *Service) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	claims, err := s.verifyLogoutToken(r)
	if err != nil {
		visitors.WriteJSON(w, http.StatusBadRequest, visitors.Failure{Code: "invalid_request", Description: err.Error()})
		return
	}
	s.site.EndIf(func(received map[string]any) bool {
		sameSession := claims["sid"] == nil || received["sid"] == claims["sid"]
		samePerson := claims["sub"] == nil || received["sub"] == claims["sub"]
		return sameSession && samePerson
	})
	w.WriteHeader(http.StatusOK)
}

// verifyLogoutToken follows Back-Channel Logout 1.0 §2.6.
func (s *Service) verifyLogoutToken(r *http.Request) (map[string]any, error) {
	claims, typ, err := s.verifyJWT(r.Context(), r.PostFormValue("logout_token"))
	if err != nil {
		return nil, err
	}
	if err := s.checkCommon(claims); err != nil {
		return nil, err
	}
	events, _ := claims["events"].(map[string]any)
	_, logout := events[backchannelEvent].(map[string]any)
	id, _ := claims["jti"].(string)
	sub, _ := claims["sub"].(string)
	sid, _ := claims["sid"].(string)
	switch {
	case typ != "logout+jwt" || !logout:
		return nil, invalid("it is no logout token")
	case claims["nonce"] != nil:
		return nil, invalid("it has a nonce")
	case sub == "" && sid == "":
		return nil, invalid("it names neither person nor session")
	case id == "" || !s.seen.Put(id, id):
		return nil, invalid("it was used before")
	}
	return claims, nil
}

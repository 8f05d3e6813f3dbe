package account

import (
	"encoding/json"
	"errors"
	"net/http"

	"warifu/internal/authenticator/passkey"
	"warifu/internal/i18n"
	"warifu/internal/session"
	"warifu/internal/web"
)

const (
	passkeysStep      = "account/passkeys" // the name of the page, too
	renamePasskeyStep = "account/passkeys/rename"
	removePasskeyStep = "account/passkeys/remove"
	passkeysPath      = "/account/passkeys"
)

// mountPasskeys registers the pages of the passkeys.
func (p *Pages) mountPasskeys() {
	p.Site.Handle("GET /account/passkeys", p.showPasskeys)
	p.Site.Handle("POST /account/passkeys", p.createPasskey)
	p.Site.Handle("POST /account/passkeys/begin", p.beginPasskey)
	p.Site.Handle("GET /account/passkeys/rename", p.askRenamePasskey)
	p.Site.Handle("POST /account/passkeys/rename", p.renamePasskey)
	p.Site.Handle("GET /account/passkeys/remove", p.askRemovePasskey)
	p.Site.Handle("POST /account/passkeys/remove", p.removePasskey)
}

// PasskeysPage is the page "account/passkeys".
type PasskeysPage struct {
	web.Hidden
	Done  string
	Error string
	Owed  bool // the person cannot go on without one
	List  []PasskeyRow
}

// PasskeyRow is one passkey of the person.
type PasskeyRow struct {
	ID, Name string
	Created  string
	Used     string
	Synced   bool // the maker of the device keeps a copy
}

func (p *Pages) showPasskeys(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	return p.renderPasskeys(w, r, http.StatusOK, v, "")
}

func (p *Pages) renderPasskeys(w http.ResponseWriter, r *http.Request, status int, v *session.Visit, fault string) error {
	all, err := p.Passkeys.Of(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return err
	}
	page := PasskeysPage{Done: p.done(r), Error: fault}
	if page.Owed, err = p.Passkeys.Owed(r.Context(), v.Subscriber); err != nil {
		return err
	}
	for _, c := range all {
		page.List = append(page.List, p.passkeyRow(r, c))
	}
	if page.Hidden, err = p.Site.Hidden(w, r, passkeysStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, passkeysStep, page)
}

func (p *Pages) passkeyRow(r *http.Request, c passkey.Credential) PasskeyRow {
	row := PasskeyRow{ID: passkey.EncodeID(c.ID), Name: c.Name, Created: p.Site.Day(r, c.CreatedAt), Used: p.Site.Text(r, "common.none"), Synced: c.BackupState}
	if !c.LastUsedAt.IsZero() {
		row.Used = p.Site.Clock(r, c.LastUsedAt)
	}
	return row
}

// beginPasskey tells the script of the page what to ask the device. Where a fresh
// proof is needed first, the script follows to that page.
func (p *Pages) beginPasskey(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.Site.Form(w, r, passkeysStep); err != nil {
		return err
	}
	v, err := p.Gate.EnterFor(w, r, session.Fresh, passkeysPath, "") //guard:WAN-4
	if v == nil {
		return err
	}
	who := passkey.Person{SubscriberID: v.Subscriber.ID, Name: v.Subscriber.SPSID, Display: v.Subscriber.Name(p.Site.Lang(r) == i18n.Japanese)}
	id, options, err := p.Passkeys.Begin(r.Context(), NewActor(v, p.Site.Client(r)), web.Browser(r), who)
	if err != nil {
		return err
	}
	return p.Site.JSON(w, http.StatusOK, map[string]any{"id": id, "options": json.RawMessage(options)})
}

func (p *Pages) createPasskey(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, passkeysStep, "id", "response")
	if err != nil {
		return err
	}
	v, err := p.Gate.EnterFor(w, r, session.Fresh, passkeysPath, "") //guard:WAN-4
	if v == nil {
		return err
	}
	err = p.Passkeys.Finish(r.Context(), NewActor(v, p.Site.Client(r)), web.Browser(r), form["id"], []byte(form["response"]))
	if errors.Is(err, ErrNotMade) {
		return p.renderPasskeys(w, r, http.StatusUnprocessableEntity, v, p.Site.Text(r, "passkey.cancelled"))
	}
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, passkeysPath+"?done=passkey")
}

func (p *Pages) askRenamePasskey(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.EnterFor(w, r, session.Factor, passkeysPath, "")
	if v == nil {
		return err
	}
	return p.renderRenamePasskey(w, r, http.StatusOK, v, web.Query(r, "id"), nil, "")
}

// renderRenamePasskey asks for a name: the present one is proposed until another
// was typed.
func (p *Pages) renderRenamePasskey(w http.ResponseWriter, r *http.Request, status int, v *session.Visit, id string, typed *string, fault string) error {
	c, err := p.Passkeys.Find(r.Context(), NewActor(v, p.Site.Client(r)), v.Subscriber, id)
	if err != nil && !errors.Is(err, ErrLastMethod) { // that one may be renamed
		return p.passkeyProblem(err)
	}
	page := RenamePage{ID: id, Present: c.Name, Name: c.Name, Error: fault, Action: passkeysPath + "/rename", Back: passkeysPath}
	if typed != nil {
		page.Name = *typed
	}
	if page.Hidden, err = p.Site.Hidden(w, r, renamePasskeyStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, renameStep, page)
}

func (p *Pages) renamePasskey(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, renamePasskeyStep, "id", "name")
	if err != nil {
		return err
	}
	v, err := p.Gate.EnterFor(w, r, session.Factor, passkeysPath, "")
	if v == nil {
		return err
	}
	name := form["name"]
	err = p.Passkeys.Rename(r.Context(), NewActor(v, p.Site.Client(r)), form["id"], name)
	if fault := p.Site.NameFault(r, err); fault != "" {
		return p.renderRenamePasskey(w, r, http.StatusUnprocessableEntity, v, form["id"], &name, fault)
	}
	if err != nil {
		return p.passkeyProblem(err)
	}
	return p.Site.Redirect(w, r, passkeysPath+"?done=renamed")
}

// owes is for [session.Gate.Owes]: agents and administrators make a passkey before
// anything else (WAN-5).
func (p *Pages) owes(r *http.Request, v *session.Visit) (string, error) {
	owed, err := p.Passkeys.Owed(r.Context(), v.Subscriber)
	if err != nil || !owed {
		return "", err
	}
	return passkeysPath, nil
}

// passkeyProblem says what a person may know of err.
func (p *Pages) passkeyProblem(err error) error {
	if errors.Is(err, ErrLastPasskey) {
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.last_passkey", Next: passkeysPath, Label: "nav.passkeys", Err: err}
	}
	if errors.Is(err, ErrLastMethod) {
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.last_method", Next: passkeysPath, Label: "nav.passkeys", Err: err}
	}
	return p.problem(err)
}

func (p *Pages) askRemovePasskey(w http.ResponseWriter, r *http.Request) error {
	v, id, err := p.enterWith(w, r, "id")
	if v == nil {
		return err
	}
	c, err := p.Passkeys.Find(r.Context(), NewActor(v, p.Site.Client(r)), v.Subscriber, id)
	if err != nil {
		return p.passkeyProblem(err)
	}
	page := RemovePage{Title: p.Site.Text(r, "common.remove") + ": " + c.Name, Text: p.Site.Text(r, "passkey.remove_ask", "name", c.Name),
		Warning: p.Site.Text(r, "passkey.remove_device"), Action: passkeysPath + "/remove", ID: id, Back: passkeysPath}
	if page.Hidden, err = p.Site.Hidden(w, r, removePasskeyStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, "account/remove", page)
}

func (p *Pages) removePasskey(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, removePasskeyStep, "id")
	if err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, session.Fresh, form["id"]) //guard:TOTP-12
	if v == nil {
		return err
	}
	if err := p.Passkeys.Remove(r.Context(), NewActor(v, p.Site.Client(r)), form["id"]); err != nil {
		return p.passkeyProblem(err)
	}
	return p.Site.Redirect(w, r, passkeysPath+"?done=removed")
}

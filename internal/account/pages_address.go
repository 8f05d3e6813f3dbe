package account

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"warifu/internal/directory"
	"warifu/internal/session"
	"warifu/internal/web"
)

const (
	sendStep    = "account/send"
	addressStep = "account/address" // the name of the page, too
	removeStep  = "account/address/remove"
)

// errForeign answers forms that name what the person does not have.
var errForeign = &web.Problem{Status: http.StatusNotFound, Stop: "stop.not_found", Err: errors.New("account: the person has no such thing")}

// AddressBlock is what a page shows of the notification addresses, with the form
// for a new one.
type AddressBlock struct {
	web.Hidden
	Present []AddressRow
	Domains string // that are refused
	Most    int    // addresses
	Hold    string // until when there is no form; empty if there is
	Full    bool   // there is no form, because no more may be registered
	Focus   bool   // the field is what the page is about
	Typed   string
	Error   string
}

// AddressRow is a registered address.
type AddressRow struct {
	ID      string // in addresses of pages, where the address itself must not stand
	Address string
	Since   string
	Notices string // until when only notices are sent there; empty if it is over
}

// addressID names an address of a person.
func addressID(a directory.NotificationAddress) string {
	return strconv.FormatInt(a.ConfirmedAt.UnixMilli(), 36)
}

func (p *Pages) addressBlock(w http.ResponseWriter, r *http.Request, v *session.Visit) (b AddressBlock, err error) {
	all, _, err := p.Addresses.Of(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return b, err
	}
	b = AddressBlock{Domains: strings.Join(p.Addresses.Refused, ", "), Most: directory.MaxAddresses, Full: len(all) >= directory.MaxAddresses}
	for _, a := range all {
		row := AddressRow{ID: addressID(a), Address: a.Address, Since: p.Site.Day(r, a.ConfirmedAt)}
		if p.Site.Now().Before(a.CodesFrom) {
			row.Notices = p.Site.Clock(r, a.CodesFrom)
		}
		b.Present = append(b.Present, row)
	}
	if until := v.Subscriber.HoldUntil(); p.Site.Now().Before(until) {
		b.Hold = p.Site.Clock(r, until)
	}
	b.Hidden, err = p.Site.Hidden(w, r, sendStep, "")
	return b, err
}

// AddressPage is the page "account/address".
type AddressPage struct {
	Block  AddressBlock // shown while nothing waits for confirmation
	Sent   string       // the address that waits
	Until  string
	Digits int
	Beside bool // there is an address that it may be put beside
	Update web.Hidden
	Error  string
}

func (p *Pages) showAddress(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	if typed := p.draft(r); typed != "" {
		return p.renderSend(w, r, v, http.StatusOK, typed, "")
	}
	return p.renderAddress(w, r, v, http.StatusOK, "")
}

// renderAddress shows the field for the number, or, if nothing waits for one, the
// form for an address.
func (p *Pages) renderAddress(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, fault string) error {
	all, pending, err := p.Addresses.Of(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return err
	}
	if pending.Address == "" {
		return p.renderSend(w, r, v, status, "", fault)
	}
	page := AddressPage{Sent: pending.Address, Until: p.Site.Clock(r, pending.ExpiresAt), Digits: numberDigits, Beside: len(all) > 0, Error: fault}
	if page.Update, err = p.Site.Hidden(w, r, addressStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, addressStep, page)
}

func (p *Pages) renderSend(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, typed, fault string) error {
	block, err := p.addressBlock(w, r, v)
	if err != nil {
		return err
	}
	block.Focus, block.Typed, block.Error = true, typed, fault
	return p.Site.Render(w, r, status, addressStep, AddressPage{Block: block})
}

func (p *Pages) sendConfirmation(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, sendStep, "email")
	if err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, session.Fresh, form["email"])
	if v == nil {
		return err
	}
	address, err := directory.ParseAddress(form["email"])
	if err != nil { // a slip
		text := p.Site.Text(r, "err.address_format")
		if errors.Is(err, directory.ErrAddressEmpty) {
			text = p.Site.Text(r, "err.address_empty")
		}
		return p.renderSend(w, r, v, http.StatusUnprocessableEntity, form["email"], text)
	}
	verdict, err := p.Addresses.Ask(r.Context(), NewActor(v, p.Site.Client(r)), address)
	if err != nil {
		return err
	}
	if verdict.Outcome == AddressSent {
		return p.Site.Redirect(w, r, "/account/address")
	}
	fault, err := p.addressFault(r, verdict)
	if err != nil {
		return err
	}
	return p.renderSend(w, r, v, http.StatusUnprocessableEntity, form["email"], fault)
}

// addressFault says why an address was not taken: beside the field, or, where no
// other address would do, on a page of its own.
func (p *Pages) addressFault(r *http.Request, v AddressVerdict) (string, error) {
	switch v.Outcome {
	case AddressHeld:
		return "", &web.Problem{Status: http.StatusConflict, Stop: "stop.hold", Args: []any{"time", p.Site.Clock(r, v.From)},
			Next: "/account", Label: "nav.account", Err: errors.New("account: held after a recovery")}
	case AddressLimited:
		return "", p.Site.SendLimit(r, v.From, "/account", errors.New("account: too many mails"))
	case AddressRefused:
		return p.Site.Text(r, "err.address_domain", "domain", v.Domain), nil
	case AddressRegistered:
		return p.Site.Text(r, "err.address_same"), nil
	case AddressFull:
		return p.Site.Text(r, "err.address_max", "n", directory.MaxAddresses), nil
	case AddressShared:
		return p.Site.Text(r, "err.address_shared"), nil
	case NumberUnsent:
		return p.Site.Text(r, "err.address_unsent"), nil
	case NumberExpired:
		return p.Site.Text(r, "err.address_code_expired"), nil
	default:
		return p.Site.Text(r, "err.address_code"), nil
	}
}

func (p *Pages) updateAddress(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, addressStep, "code", "beside")
	if err != nil {
		return err
	}
	v, err := p.Gate.EnterFor(w, r, session.Factor, "/account/address", "")
	if v == nil {
		return err
	}
	number, ok := ParseNumber(form["code"])
	if !ok { // a slip, not an attempt
		text := p.Site.Text(r, "err.otp_format", "n", numberDigits)
		if form["code"] == "" {
			text = p.Site.Text(r, "err.address_code_empty")
		}
		return p.renderAddress(w, r, v, http.StatusUnprocessableEntity, text)
	}
	verdict, err := p.Addresses.Confirm(r.Context(), NewActor(v, p.Site.Client(r)), number, form["beside"] != "")
	if err != nil {
		return err
	}
	if verdict.Outcome == AddressAdded || verdict.Outcome == AddressReplaced {
		return p.Site.Redirect(w, r, "/account?done=setting")
	}
	fault, err := p.addressFault(r, verdict)
	if err != nil {
		return err
	}
	return p.renderAddress(w, r, v, http.StatusUnprocessableEntity, fault)
}

// RemovePage is the page "account/remove": it asks before something is removed.
type RemovePage struct {
	web.Hidden
	Title, Text string // in the language of the page
	Warning     string // empty if there is none
	Action      string // where its form goes
	ID          string // of what is to be removed
	Back        string // where a person goes who has changed his mind
}

// address returns the address of the person that has an id.
func (p *Pages) address(r *http.Request, v *session.Visit, id string) (found directory.NotificationAddress, n int, err error) {
	all, _, err := p.Addresses.Of(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return found, 0, err
	}
	for _, a := range all {
		if addressID(a) == id { //guard:A19
			return a, len(all), nil
		}
	}
	return found, 0, errForeign
}

func (p *Pages) askRemoveAddress(w http.ResponseWriter, r *http.Request) error {
	v, id, err := p.enterWith(w, r, "id")
	if v == nil {
		return err
	}
	a, n, err := p.address(r, v, id)
	if err != nil {
		return err
	}
	page := RemovePage{Title: p.Site.Text(r, "address.remove"), Text: p.Site.Text(r, "address.remove_ask", "email", a.Address),
		Action: "/account/address/remove", ID: id, Back: "/account"}
	if n == 1 {
		page.Warning = p.Site.Text(r, "address.remove_last")
	}
	if page.Hidden, err = p.Site.Hidden(w, r, removeStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, "account/remove", page)
}

func (p *Pages) removeAddress(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, removeStep, "id")
	if err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, session.Fresh, form["id"])
	if v == nil {
		return err
	}
	a, _, err := p.address(r, v, form["id"])
	if err != nil {
		return err
	}
	verdict, err := p.Addresses.Remove(r.Context(), NewActor(v, p.Site.Client(r)), a.Address)
	switch {
	case err != nil:
		return err
	case verdict.Outcome == AddressUnknown:
		return errForeign
	case verdict.Outcome != AddressRemoved:
		_, err := p.addressFault(r, verdict)
		return err
	}
	return p.Site.Redirect(w, r, "/account?done=removed")
}

package app

import (
	"warifu/internal/account"
	"warifu/internal/authenticator/password"
	"warifu/internal/mail"
	"warifu/internal/store"
)

// reports takes the reports of changes that were somebody else's.
func (a *App) reports(passwords *password.Guard) *account.Reports {
	desk := account.DeskMail{Outbox: a.Notices.Outbox, To: a.Config.HelpDesk.Mail, Console: mail.URL(a.Config.BaseURL + "/desk"), Words: a.words, Now: a.now}
	return &account.Reports{InTx: store.In[account.ReportTx](a.DB), View: store.View[account.ChangeReader](a.DB), Passwords: passwords, Notices: a.Notices, Words: a.words,
		Desk: desk.Reported, Now: a.now}
}

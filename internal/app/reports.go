package app

import (
	"warifu/internal/account"
	"warifu/internal/authenticator/password"
	"warifu/internal/store"
)

// reports takes the reports of changes that were somebody else's.
func (a *App) reports(passwords *password.Guard) *account.Reports {
	return &account.Reports{InTx: store.In[account.ReportTx](a.DB), View: store.View[account.ChangeReader](a.DB), Passwords: passwords, Notices: a.Notices, Words: a.words,
		Desk: a.Reception, Now: a.now}
}

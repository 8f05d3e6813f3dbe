package app

import (
	"context"
	"os"

	"warifu/internal/faq"
	"warifu/internal/keyring"
	"warifu/internal/store"
)

// buildFAQ reads the entries and mounts their pages.
func (a *App) buildFAQ() error {
	a.FAQ = &faq.Shelf{Catalogue: a.Site.Catalogue, Log: a.Log}
	if folder := a.Config.FAQ.Folder; folder != "" {
		a.FAQ.Folder = os.DirFS(folder)
	}
	if err := a.FAQ.Look(context.Background()); err != nil {
		return err
	}
	a.Tally = &faq.Tally{InTx: store.In[faq.TallyTx](a.DB), Digests: a.Ring.MAC(keyring.AccountID), Now: a.now}
	(&faq.Pages{Site: a.Site, Shelf: a.FAQ, Tally: a.Tally}).Mount()
	return nil
}

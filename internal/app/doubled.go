package app

import (
	"context"
	"strings"
	"time"

	"warifu/internal/alarm"
	"warifu/internal/mail"
	"warifu/internal/store"
)

const (
	doubledEvery = time.Hour
	doubledMail  = 24 * time.Hour // between two mails about one entityID
)

var doubled = alarm.Rule{Name: "entityID twice", Text: mail.Text{Japanese: "同じ entityID をもつサービスの数", English: "Services with the same entityID"}}

// tellDoubled tells administrators of services that nobody can reach, because
// several have one entityID. All others are served meanwhile. It is a job.
func (a *App) tellDoubled(ctx context.Context) error {
	all, err := a.Services.Doubled(ctx)
	if err != nil {
		return err
	}
	for _, double := range all {
		err := store.In[alarm.RaiseTx](a.DB)(ctx, func(tx alarm.RaiseTx) error {
			finding := alarm.Finding{Rule: doubled, What: double.EntityID, N: int64(len(double.Services)), Limit: 1}
			_, err := a.Alarm.RaiseRarely(ctx, tx, finding, doubledMail)
			return err
		})
		a.Log.Error("several services have one entityID, and none of them is known by it until the others are switched off",
			"entity", double.EntityID, "service", strings.Join(double.Services, " "))
		if err != nil {
			return err
		}
	}
	return nil
}

package helpdesk

import (
	"context"
	"io"
	"time"

	"warifu/internal/alarm"
)

// chosen chooses one approval in twenty for a check call (HD-16).
func (d *Desk) chosen() (bool, error) {
	var one [1]byte
	if _, err := io.ReadFull(d.Random, one[:]); err != nil {
		return false, err
	}
	return one[0] < 13, nil
}

// alarms tells the administrators of what an approval has in common with abuse
// (HD-13, AUD-6). None of it stops the agent.
func (d *Desk) alarms(ctx context.Context, tx DeskTx, a Agent, c Case) error {
	now := d.Now()
	today, err := tx.CountApprovals(ctx, a.Subscriber.ID, now.Add(-24*time.Hour))
	if err != nil {
		return err
	}
	again, err := d.again(ctx, tx, a, c)
	if err != nil {
		return err
	}
	var found []alarm.Finding
	if today >= d.Policy.AlarmAt { //guard:HD-13
		found = append(found, alarm.Finding{Rule: alarm.DeskApprovals, Of: a.Subscriber.ID, N: today, Limit: d.Policy.AlarmAt})
	}
	if again > 1 { //guard:AUD-6
		found = append(found, alarm.Finding{Rule: alarm.DeskAgain, Of: c.SubscriberID, N: again, Limit: 1})
	}
	if c.Marks.OutsideHours { //guard:AUD-6
		found = append(found, alarm.Finding{Rule: alarm.DeskClosed, Of: a.Subscriber.ID, N: 1})
	}
	for _, f := range found {
		if _, err := d.Alarm.RaiseRarely(ctx, tx, f, 24*time.Hour); err != nil {
			return err
		}
	}
	return nil
}

// again counts the cases of a person that one agent has approved in 30 days.
func (d *Desk) again(ctx context.Context, tx DeskTx, a Agent, c Case) (n int64, err error) {
	recent, err := tx.CasesOf(ctx, c.SubscriberID, d.Now().Add(-month))
	for _, o := range recent {
		if o.Decided.AgentID == a.Subscriber.ID && o.State != Refused && o.Kind != Report {
			n++
		}
	}
	return n, err
}

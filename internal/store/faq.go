package store

import (
	"context"
	"fmt"
	"time"

	"warifu/internal/faq"
)

var (
	_ faq.TallyTx     = (*Tx)(nil)
	_ faq.TallyReader = (*Tx)(nil)
)

// AddAnswers implements [faq.TallyTx].
func (tx *Tx) AddAnswers(ctx context.Context, a faq.Answers, day time.Time) error {
	_, err := tx.exec(ctx, `INSERT INTO faq_answer (day, slug, lang, yes, no) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (day, slug, lang) DO UPDATE SET yes = faq_answer.yes + $4, no = faq_answer.no + $5`,
		millis(day), a.Slug, a.Lang, a.Yes, a.No)
	if err != nil {
		return fmt.Errorf("store: add answers: %w", err)
	}
	return nil
}

// AddMiss implements [faq.TallyTx].
func (tx *Tx) AddMiss(ctx context.Context, digest []byte, m faq.Miss, enough int64) error {
	_, err := tx.exec(ctx, `INSERT INTO faq_miss (digest, lang, words, asked, last_at) VALUES ($1, $2, '', 1, $4)
		ON CONFLICT (digest) DO UPDATE SET asked = faq_miss.asked + 1, last_at = $4,
			words = CASE WHEN faq_miss.asked + 1 >= $5 THEN $3 ELSE '' END`,
		digest, m.Lang, m.Words, millis(m.Last), enough)
	if err != nil {
		return fmt.Errorf("store: add miss: %w", err)
	}
	return nil
}

// Answers implements [faq.TallyReader].
func (tx *Tx) Answers(ctx context.Context, since time.Time) (all []faq.Answers, err error) {
	err = tx.query(ctx, func(r row) error {
		var a faq.Answers
		if err := r.Scan(&a.Slug, &a.Lang, &a.Yes, &a.No); err != nil {
			return err
		}
		all = append(all, a)
		return nil
	}, `SELECT slug, lang, CAST(SUM(yes) AS BIGINT), CAST(SUM(no) AS BIGINT) FROM faq_answer WHERE day >= $1 GROUP BY slug, lang ORDER BY slug, lang`, millis(since))
	if err != nil {
		return nil, fmt.Errorf("store: answers: %w", err)
	}
	return all, nil
}

// Misses implements [faq.TallyReader].
func (tx *Tx) Misses(ctx context.Context, most int) (all []faq.Miss, err error) {
	err = tx.query(ctx, func(r row) error {
		var m faq.Miss
		var at int64
		if err := r.Scan(&m.Lang, &m.Words, &m.Asked, &at); err != nil {
			return err
		}
		m.Last = fromMillis(at)
		all = append(all, m)
		return nil
	}, `SELECT lang, words, asked, last_at FROM faq_miss WHERE words <> '' AND asked > 0 ORDER BY asked DESC, words LIMIT $1`, most)
	if err != nil {
		return nil, fmt.Errorf("store: misses: %w", err)
	}
	return all, nil
}

package faq

import "math/bits"

// letterSet has a bit for each letter of a word; some letters share one.
type letterSet uint64

func lettersOf(word string) (set letterSet) {
	for _, r := range word {
		set |= 1 << (r % 64)
	}
	return set
}

// atLeast is a lower bound of the distance of two words, and costs next to nothing:
// a change takes one letter away and brings another one.
func (s letterSet) atLeast(other letterSet) int {
	return (bits.OnesCount64(uint64(s^other)) + 1) / 2
}

// distance returns how many letters have to be put in, taken away, changed or
// exchanged with the next one to make one word of another (optimal string
// alignment), or more than most if it is more than that. Words are short.
func distance(one, another []rune, most int) int {
	if len(one)-len(another) > most || len(another)-len(one) > most {
		return most + 1
	}
	var rows [3][maxLetter + 2]int
	if len(another) > maxLetter+1 {
		return most + 1
	}
	before, last, now := &rows[0], &rows[1], &rows[2]
	for j := range another {
		last[j+1] = j + 1
	}
	for i := range one {
		now[0] = i + 1
		least := now[0]
		for j := range another {
			cost := 1
			if one[i] == another[j] {
				cost = 0
			}
			d := min(last[j]+cost, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && one[i] == another[j-1] && one[i-1] == another[j] {
				d = min(d, before[j-1]+1)
			}
			now[j+1] = d
			least = min(least, d)
		}
		if least > most {
			return most + 1
		}
		before, last, now = last, now, before
	}
	return last[len(another)]
}

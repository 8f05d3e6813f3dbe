/* The TOTP verifier (TOTP-4): three requests bring the same right code at once.
 *
 * With the conditional UPDATE of the store exactly one is accepted, in every
 * order of their steps. With a read, a comparison and a write apart from each
 * other (-DAPART) spin finds an order in which two are: the reason why there is
 * one statement.
 */
#define CODE 7 /* the time step that the code belongs to */

byte last_step = 6;
byte accepted = 0;

proctype Request() {
#ifdef APART
	byte seen;
	seen = last_step;
	if
	:: seen < CODE -> last_step = CODE; accepted++
	:: else
	fi
#else
	atomic { /* UPDATE … SET last_step = CODE WHERE last_step < CODE */
		if
		:: last_step < CODE -> last_step = CODE; accepted++
		:: else
		fi
	}
#endif
}

init {
	atomic { run Request(); run Request(); run Request() }
	(_nr_pr == 1);
	assert(accepted == 1)
}

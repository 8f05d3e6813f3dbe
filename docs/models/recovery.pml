/* The recovery of one person: sign-in, mailed OTP, mailed link, ticket and
 * enrolment, in two browsers of the person and one of an attacker who knows the
 * password, with links and tickets that lapse at any moment.
 *
 * Every do-branch is one transaction of the program, so that spin tries all
 * orders of them. What must always be true stands in the assertions; that the
 * person can come back from every state, in the end of the process Person.
 */
#define P1 0
#define P2 1
#define X  2
#define NOBODY 3

bool bound = true;        /* the person's authenticator is in use */
byte secret = 0;           /* which one it is; the Authenticator has the same */
byte authenticator = 0;
byte link = 0;             /* the number of the link that is alive, 0 if none */
byte links = 0;            /* how many were mailed */
byte mailed = 0;           /* the newest that lies in the mailbox */
byte ticket = NOBODY;      /* the browser that may enrol */
byte pending = 0;          /* the secret that is being enrolled, 0 if none */
byte secrets = 0;
byte era = 1;              /* grows with every initialization */
byte session[3];           /* the era in which it was opened, 0 if there is none */
byte otp = NOBODY;         /* the flow that the living OTP belongs to */

#define LIMIT 3 /* of links and of secrets: enough for every overtaking */

inline initialise(b) {
	bound = false; link = 0; otp = NOBODY; era++;
	session[P1] = 0; session[P2] = 0; session[X] = 0;
	ticket = b; pending = 0
}

/* what somebody with the right password may do, from a browser */
inline withPassword(b) {
	if
	:: bound && links < LIMIT -> atomic { links++; link = links; mailed = links } /* asks for a link */
	:: bound -> otp = b                                                           /* asks for an OTP */
	:: else -> skip
	fi
}

proctype Attacker() {
	do
	:: atomic { withPassword(X) }
	:: atomic { ticket == X -> assert(false) }  /* he may never hold one */
	:: atomic { session[X] != 0 -> assert(false) }
	:: break
	od
}

proctype Time() {
	do
	:: atomic { link != 0 -> link = 0 }
	:: atomic { ticket != NOBODY -> ticket = NOBODY; pending = 0 }
	:: atomic { otp != NOBODY -> otp = NOBODY }
	:: break
	od
}

proctype Person() {
	byte b;
	byte opened;
	byte n = 0;
	do
	:: n < 6 ->
		n++;
		if :: b = P1 :: b = P2 fi;
		if
		:: atomic { withPassword(b) }
		:: atomic { bound && authenticator == secret -> session[b] = era; link = 0 } /* signs in with TOTP */
		:: atomic { otp == b -> otp = NOBODY; session[b] = era }                      /* enters the OTP */
		:: mailed != 0 -> opened = mailed;                                             /* opens the mail, later or sooner */
			atomic {
				if
				:: link != 0 && link == opened -> initialise(b)
				:: else -> skip /* spent, replaced or expired: nothing happens */
				fi
			}
		:: atomic { ticket == b && pending == 0 && secrets < LIMIT -> secrets++; pending = secrets }
		:: atomic { ticket == b && pending != 0 -> /* the first code spends the ticket and activates, in one transaction */
				assert(!bound);
				secret = pending; authenticator = pending; pending = 0; ticket = NOBODY; bound = true }
		:: skip
		fi;
		atomic {
			assert(session[P1] == 0 || session[P1] == era);
			assert(session[P2] == 0 || session[P2] == era)
		}
		assert(ticket == NOBODY || ticket == P1 || ticket == P2);
		atomic {
			assert(pending == 0 || ticket != NOBODY);
			assert(!(ticket != NOBODY && bound))
		}
	:: break
	od;
	/* whatever has happened: a new mail, its link, the QR code, the code */
	atomic {
		link = 1; /* asked for with the password, which an initialization does not take */
		initialise(P1);
		secret = 9; authenticator = 9; ticket = NOBODY; bound = true;
		session[P1] = era
	}
	assert(bound && authenticator == secret)
}

init { atomic { run Person(); run Attacker(); run Time() } }

/*
 * What protocol.pml takes for granted of the relay: a user's oldest event goes first, and none is left behind, with two
 * relays that spare themselves the walk over what is gone by a mark each, and a database whose numbers go back in a
 * failover. One partition; services/outbox/watermark.ts is the code. README.md says what is left out and why.
 */
#define USERS 2
#ifndef WRITES
#define WRITES 4
#endif
#ifndef FAILOVERS
#define FAILOVERS 1
#endif
#define RELAYS 2
#define NOBODY RELAYS
#define BIT(id) (1 << (id))

#define BROKEN(sentence) printf(sentence); assert(false)

typedef Database {
  byte rows[USERS]; /* a user's events in the outbox, one bit for each id */
  byte lastId;      /* the sequence */
  byte nextXid;
  byte timeline
}
Database db, standby;
byte xid[USERS], id[USERS]; /* of a user's open transaction; 0: not given yet */
byte worker = NOBODY;       /* who holds the partition's lock */
byte writes = WRITES, failovers = FAILOVERS;

inline copy(from, to) {
  to.rows[0] = from.rows[0]; to.rows[1] = from.rows[1];
  to.lastId = from.lastId; to.nextXid = from.nextXid; to.timeline = from.timeline
}

inline replicate() {
  if
  :: copy(db, standby)
  :: printf("standby: has not got this yet\n")
  fi
}

/* ---- The writes of one user, one after the other: its row is locked first, then come the number and the id ---- */

proctype Writer(byte user) {
  do
  :: d_step {
      writes > 0 && xid[user] == 0 ->
      writes--;
      xid[user] = db.nextXid; db.nextXid++;
      db.lastId++; id[user] = db.lastId;
      printf("user %d: a transaction begins, number %d, its event has id %d\n", user, xid[user], id[user])
    }
  :: atomic {
      id[user] != 0 ->
      db.rows[user] = db.rows[user] | BIT(id[user]);
      printf("user %d: commits id %d\n", user, id[user]);
      xid[user] = 0; id[user] = 0;
      replicate()
    }
  od
}

/* ---- A relay: note how far ids and transactions are, claim and read above the mark, publish; delete, move the mark ---- */

#define LEAST(one, other) (one < other -> one : other)
#define XMIN_OF(user) (xid[user] != 0 -> xid[user] : db.nextXid)
#define ROWS (db.rows[0] | db.rows[1])
#define OVERTAKES(user) ((db.rows[user] & BIT(row)) && (db.rows[user] & (BIT(row) - 1)))

proctype Relay(byte me) {
  byte mark, settled, candidate, candidateXid, marksOf = 1; /* marksOf: the timeline that they are true of */
  byte lastId, xmin, nextXid, row, leftFrom;                /* of the transaction in hand */
  do
  :: d_step {
      worker == NOBODY && (ROWS != 0 || settled < db.lastId || marksOf != db.timeline) ->
      worker = me;
      lastId = db.lastId; xmin = LEAST(XMIN_OF(0), XMIN_OF(1)); nextXid = db.nextXid;
#ifndef MARKS_KEPT
      if
      :: marksOf != db.timeline ->
        printf("relay %d: sees timeline %d, and forgets its marks\n", me, db.timeline);
        mark = 0; settled = 0; candidate = 0; candidateXid = 0; marksOf = db.timeline
      :: else
      fi;
#endif
      row = mark + 1;
      do :: row <= lastId && !(ROWS & BIT(row)) -> row++ :: else -> break od;
      leftFrom = row + 1;
      do :: leftFrom <= lastId && !(ROWS & BIT(leftFrom)) -> leftFrom++ :: else -> break od;
      if
      :: row <= lastId ->
        printf("relay %d: looks above id %d, and publishes id %d\n", me, mark, row);
        if
        :: OVERTAKES(0) || OVERTAKES(1) -> BROKEN("BROKEN: a user's oldest event goes first\n")
        :: else
        fi
      :: else
      fi
    }
  :: atomic {
      worker == me ->
      if
      :: row <= lastId ->
        db.rows[0] = db.rows[0] & ~BIT(row); db.rows[1] = db.rows[1] & ~BIT(row);
        replicate()
      :: else
      fi;
      d_step {
        if
        :: lastId < settled || lastId < candidate -> settled = 0; candidate = 0; mark = 0 /* the sequence has gone back */
        :: else
        fi;
#ifdef MARK_TOO_EARLY
        settled = lastId;
#else
        if
        :: candidate == 0 || xmin >= candidateXid -> settled = candidate; candidate = lastId; candidateXid = nextXid
        :: else
        fi;
#endif
        leftFrom = LEAST(settled, leftFrom - 1);
        if
        :: leftFrom > mark -> mark = leftFrom; printf("relay %d: moves its mark to id %d\n", me, mark)
        :: else
        fi;
        worker = NOBODY; lastId = 0; xmin = 0; nextXid = 0; row = 0; leftFrom = 0
      }
    }
  :: d_step { /* its connection is lost, with the transaction and the lock */
      worker != me && row != 0 -> lastId = 0; xmin = 0; nextXid = 0; row = 0; leftFrom = 0
    }
  od
}

/* ---- PostgreSQL: the standby is promoted with what it has got, so ids and numbers may go back ---- */

proctype Postgres() {
  do
  :: atomic {
      failovers > 0 ->
      failovers--;
      copy(standby, db);
      db.timeline = standby.timeline + 1;
      xid[0] = 0; id[0] = 0; xid[1] = 0; id[1] = 0;
      worker = NOBODY;
      printf("failover: timeline %d, its last id is %d\n", db.timeline, db.lastId)
    }
  od
}

init {
  atomic {
    db.nextXid = 1; db.timeline = 1; copy(db, standby);
    run Writer(0); run Writer(1); run Relay(0); run Relay(1); run Postgres()
  }
  atomic {
    timeout;
    if
    :: ROWS == 0
    :: else -> BROKEN("BROKEN: no event is left behind\n")
    fi
  }
}

/*
 * Who has an address, from the reservation to the repair: users, smtp-registry, the bus between them, and a users
 * database that fails over to a standby which may be behind. README.md says what is left out and why.
 *
 * One process for each part, each step of it atomic as its transaction is; a step prints what it did, so that a
 * counterexample reads as a story. An #ifdef is a mutation: the protocol without one of its rules.
 */
#define USERS 2
#define ADDRESSES 2
#define NONE 0 /* for an address: the user is deleted; for a version: there is no such user */
#ifndef WRITES
#define WRITES 3
#endif
#ifndef FAILOVERS
#define FAILOVERS 2
#endif
#ifndef REPEATS
#define REPEATS 1
#endif
#define STEP 5 /* versions of a generation; 1,000,000 in the product */
#define VERSIONS (STEP * (FAILOVERS + 1))
#define EVENT(user, version) ((user) * VERSIONS + (version))
#define BIT(event) (1 << (event))
#define EVENTS_OF(user) (((1 << VERSIONS) - 1) << ((user) * VERSIONS))
#define GENERATION_OF(version) ((version) / STEP)

mtype:claim = { free, held, owned };

/* The users database, which is one server's and goes back with it. */
typedef Database {
  byte version[USERS];
  byte address[USERS];
  int outbox;    /* the events that wait, one bit each */
  byte timeline; /* PostgreSQL's: each promotion begins another one */
  byte noted;    /* the timeline for which the generation was raised */
  byte generation
}
Database db, standby;
#ifdef TWO_PRIMARIES
Database former; /* the primary that a failover has left behind, and nobody has stopped */
#endif

/* The registry database, another server's. */
mtype:claim claim[ADDRESSES + 1] = free;
byte holder[ADDRESSES + 1];
byte mark[USERS]; /* the watermark: the newest version that was heard of */
byte generations; /* given so far */

int queue;   /* what the bus has confirmed and the registry has not acknowledged */
int refused; /* wait queues and dead letters: what the registry could not take as it was */

/* What is counted, and what only the model knows. */
byte writes = WRITES, failovers = FAILOVERS, repeats = REPEATS;
byte content[USERS * VERSIONS]; /* of an event: its address + 1; 0: there was none */
byte acknowledged[USERS];       /* the newest version that a client was told of, but for what a failover has lost */
bool known[USERS];              /* the id was given */
bool lost;                      /* a failover has lost something */

#define BROKEN(sentence) printf(sentence); assert(false)

inline copy(from, to) {
  to.version[0] = from.version[0]; to.version[1] = from.version[1];
  to.address[0] = from.address[0]; to.address[1] = from.address[1];
  to.outbox = from.outbox; to.timeline = from.timeline; to.noted = from.noted; to.generation = from.generation
}
#define SAME(one, other) (one.version[0] == other.version[0] && one.version[1] == other.version[1] \
  && one.outbox == other.outbox && one.timeline == other.timeline && one.noted == other.noted)

/* The standby has it at once (or before it is acknowledged: that is the same), or at some later change, or never. */
inline replicate() {
  if
  :: copy(db, standby)
  :: printf("standby: has not got this yet\n")
  fi
}

/* ---- One transaction: the user, the guard of its address and the event, or nothing ---- */

#ifdef NO_GENERATION
#define NEXT(at, above) (above + 1)
#define IN_GENERATION(at) true
#else
#define NEXT(at, above) (above + 1 > at.generation * STEP -> above + 1 : at.generation * STEP)
#define IN_GENERATION(at) (at.noted == at.timeline)
#endif
#ifdef NO_GUARD
#define MAY_HAVE(at, user, wanted) true
#else
#define MAY_HAVE(at, user, wanted) (wanted == NONE || at.address[1 - user] != wanted)
#endif

inline commit(at, user, above, wanted) {
  next = NEXT(at, above);
  assert(next < VERSIONS); /* the model's own limit */
  at.version[user] = next;
  at.address[user] = wanted;
  at.outbox = at.outbox | BIT(EVENT(user, next))
}

inline judge(at, user, wanted) {
  if
  :: content[EVENT(user, next)] != 0 && content[EVENT(user, next)] != wanted + 1 -> BROKEN("BROKEN: no version has two meanings\n")
  :: else -> content[EVENT(user, next)] = wanted + 1
  fi;
  if
  :: at.address[0] == at.address[1] && at.address[0] != NONE -> BROKEN("BROKEN: one owner a key\n")
  :: else
  fi
}

inline answer(user) {
  acknowledged[user] = next;
  if
  :: acknowledged[user] > db.version[user] -> BROKEN("BROKEN: nothing acknowledged is lost\n")
  :: else
  fi
}

/* ---- A process of users: read and reserve, commit and answer. A failover may come between the two. ---- */

/* An id is given once. Users and addresses differ in nothing, so user 0 comes first, and gets address 1. */
#define IS_NEXT_CREATE (!known[user] && (user == 0 -> wanted == 1 : known[0] && wanted != NONE))

proctype Writer(byte me) {
  byte user, wanted, before, next;
  do
  :: atomic {
      writes > 0 && IN_GENERATION(db) ->
      writes--;
      if :: user = 0 :: user = 1 fi;
      if :: wanted = NONE :: wanted = 1 :: wanted = 2 fi;
      before = db.version[user];
      if
      :: IS_NEXT_CREATE -> known[user] = true
      :: before != NONE && db.address[user] != wanted
      :: else -> goto done
      fi;
      printf("writer %d: reads user %d at version %d, and wants address %d for it\n", me, user, before, wanted);
      if
      :: wanted == NONE || (claim[wanted] != free && holder[wanted] == user)
      :: wanted != NONE && (claim[wanted] == free || (claim[wanted] == held && holder[wanted] != user)) ->
        claim[wanted] = held; /* another's hold may have lapsed */
        holder[wanted] = user;
        printf("registry: holds address %d for user %d\n", wanted, user)
      :: wanted != NONE && claim[wanted] != free && holder[wanted] != user ->
        printf("registry: refuses, address %d is user %d's\n", wanted, holder[wanted]);
        goto done
      fi
    }
    atomic {
      if
#ifdef TWO_PRIMARIES
      :: former.timeline != 0 && former.version[user] == before && MAY_HAVE(former, user, wanted) ->
        commit(former, user, before, wanted);
        printf("writer %d: commits version %d of user %d at the former primary, and answers\n", me, next, user);
        judge(former, user, wanted);
        answer(user)
#endif
#ifdef GENERATION_READ_BEFORE
      :: db.version[user] == before && MAY_HAVE(db, user, wanted) ->
#else
      :: IN_GENERATION(db) && db.version[user] == before && MAY_HAVE(db, user, wanted) ->
#endif
        commit(db, user, before, wanted);
        printf("writer %d: commits version %d of user %d with address %d, and answers\n", me, next, user, wanted);
        judge(db, user, wanted);
        answer(user);
        replicate()
      :: db.version[user] != before || !MAY_HAVE(db, user, wanted) ->
        printf("writer %d: is refused by the users database\n", me)
      fi
    }
done:
    atomic { user = 0; wanted = 0; before = 0; next = 0 }
  od
}

/* ---- The generation: raised once for each timeline, to a number that no timeline has had ---- */

proctype Generation() {
  do
  :: atomic {
      !IN_GENERATION(db) ->
#ifdef COUNTER_OF_USERS_ALONE
      db.generation++;
#else
      generations = (db.generation > generations -> db.generation : generations) + 1;
      db.generation = generations;
#endif
      db.noted = db.timeline;
      printf("users: timeline %d begins generation %d\n", db.timeline, db.generation);
      replicate()
    }
  od
}

/* ---- The relay: a user's oldest event first. relay.pml has how several of them keep to that ---- */

#define OLDEST(user, version) (db.outbox & BIT(EVENT(user, version))) \
  && !(db.outbox & EVENTS_OF(user) & (BIT(EVENT(user, version)) - 1))

proctype Relay() {
  byte user, version;
  do
  :: atomic {
      db.outbox != 0 ->
      if
      :: (db.outbox & EVENTS_OF(0)) != 0 -> user = 0
      :: (db.outbox & EVENTS_OF(1)) != 0 -> user = 1
      fi;
      version = 1;
      do :: !(OLDEST(user, version)) -> version++ :: else -> break od;
      queue = queue | BIT(EVENT(user, version));
      if
      :: db.outbox = db.outbox & ~BIT(EVENT(user, version));
        printf("relay: publishes version %d of user %d\n", version, user);
        replicate()
      :: repeats > 0 -> repeats--;
        printf("relay: publishes version %d of user %d, and dies before it is noted\n", version, user)
      fi;
      user = 0; version = 0
    }
  od
}

/* ---- The registry: takes events in any order, and a refused one again after each that it takes ---- */

/* Of two who own one address by events of two generations, the older one has lost it: the database it was true in is gone. */
#define IS_ANOTHERS(address) (address != NONE && claim[address] == owned && holder[address] != user)
#ifdef FACTS_STAND
#define OUTLIVES(one, other) false
#else
#define OUTLIVES(one, other) (GENERATION_OF(one) > GENERATION_OF(other))
#endif
#ifdef NO_WATERMARK
#define OLD false
#else
#define OLD (version <= mark[user] || (IS_ANOTHERS(address) && OUTLIVES(mark[holder[address]], version)))
#endif
#define REFUSED (IS_ANOTHERS(address) && !OUTLIVES(version, mark[holder[address]]))

proctype Registry() {
  byte event, user, version, address;
  do
  :: atomic {
      queue != 0 ->
      do
      :: !(queue & BIT(event)) -> event++
      :: (queue & BIT(event)) && (queue >> (event + 1)) != 0 -> event++
      :: (queue & BIT(event)) -> break
      od;
      user = event / VERSIONS; version = event % VERSIONS; address = content[event] - 1;
      if
      :: OLD -> printf("registry: drops version %d of user %d\n", version, user)
      :: !OLD && REFUSED ->
        refused = refused | BIT(event);
        printf("registry: refuses version %d of user %d, address %d is user %d's\n", version, user, address, holder[address])
      :: !OLD && !REFUSED ->
        mark[user] = version;
        if :: claim[1] == owned && holder[1] == user -> claim[1] = free; holder[1] = 0 :: else fi;
        if :: claim[2] == owned && holder[2] == user -> claim[2] = free; holder[2] = 0 :: else fi;
        if :: address != NONE -> claim[address] = owned; holder[address] = user :: else fi;
        queue = queue | refused; refused = 0; /* what was refused is tried again */
        printf("registry: takes version %d of user %d, who has address %d\n", version, user, address)
      fi;
      if
      :: queue = queue & ~BIT(event)
      :: repeats > 0 -> repeats--; printf("registry: dies before it acknowledges that\n")
      fi;
      event = 0; user = 0; version = 0; address = 0
    }
  od
}

/* ---- PostgreSQL: the standby is promoted, with what it has got ---- */

proctype Postgres() {
  do
  :: d_step {
      failovers > 0 && writes < WRITES ->
      failovers--;
      if
      :: SAME(db, standby) -> printf("failover: without loss\n")
      :: else ->
        lost = true;
        acknowledged[0] = standby.version[0]; acknowledged[1] = standby.version[1];
        printf("failover: what the standby had not got is lost\n")
      fi;
#ifdef TWO_PRIMARIES
      copy(db, former);
#endif
      copy(standby, db);
      db.timeline = standby.timeline + 1
    }
  od
}

/* ---- The reconciler, after a loss: what differs is told again, and an operator decides on orphans ---- */

#define HAS(user, address) (address != NONE && claim[address] == owned && holder[address] == user)
#define HOLDS_RIGHTLY(user) (HAS(user, 1) == (db.address[user] == 1) && HAS(user, 2) == (db.address[user] == 2))
#define SETTLED(user) (mark[user] == db.version[user] && HOLDS_RIGHTLY(user) && !(refused & EVENTS_OF(user)))
#define QUIET (db.outbox == 0 && queue == 0)
#define TOLD_IN_VAIN(user) (refused & BIT(EVENT(user, db.version[user])))
#ifdef ORPHANS_STAY
#define CAN_BE_MENDED(user) (db.version[user] != NONE && !TOLD_IN_VAIN(user))
#else
#define CAN_BE_MENDED(user) (!TOLD_IN_VAIN(user))
#endif

proctype Reconciler(byte user) {
  byte newest, next;
  do
  :: atomic {
      lost && IN_GENERATION(db) && QUIET && !SETTLED(user) && CAN_BE_MENDED(user) ->
      newest = (mark[user] > db.version[user] -> mark[user] : db.version[user]);
      if
      :: db.version[user] != NONE ->
        commit(db, user, newest, db.address[user]);
        printf("reconciler: tells user %d again as version %d\n", user, next)
      :: db.version[user] == NONE ->
        commit(db, user, newest, NONE);
        printf("operator: releases orphan %d by version %d\n", user, next)
      :: db.version[user] == NONE && HAS(user, 1) && MAY_HAVE(db, user, 1) ->
        commit(db, user, newest, 1);
        printf("operator: restores orphan %d with address 1 as version %d\n", user, next)
      :: db.version[user] == NONE && HAS(user, 2) && MAY_HAVE(db, user, 2) ->
        commit(db, user, newest, 2);
        printf("operator: restores orphan %d with address 2 as version %d\n", user, next)
      fi;
      judge(db, user, db.address[user]);
      replicate();
      newest = 0; next = 0
    }
  od
}

/* ---- Where nobody has anything left to do, every user is settled, and no event is left ---- */

init {
  atomic {
    db.timeline = 1;
    db.noted = 1;
#ifdef TWO_USERS /* each with an address, long settled */
    known[0] = true; db.version[0] = 1; db.address[0] = 1; mark[0] = 1; claim[1] = owned; holder[1] = 0;
    known[1] = true; db.version[1] = 1; db.address[1] = 2; mark[1] = 1; claim[2] = owned; holder[2] = 1;
    content[EVENT(0, 1)] = 2; content[EVENT(1, 1)] = 3;
#endif
    copy(db, standby);
    run Writer(0);
#ifndef ONE_WRITER
    run Writer(1);
#endif
    run Generation(); run Relay(); run Registry(); run Postgres(); run Reconciler(0); run Reconciler(1)
  }
  atomic {
    timeout;
    if
    :: SETTLED(0) && SETTLED(1) && QUIET
    :: else -> BROKEN("BROKEN: every user settles\n")
    fi
  }
}

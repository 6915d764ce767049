/*
 * A session, its workers, and everybody who may disturb them: claim, leave, publish, cancel (from the session and from
 * elsewhere, by the directory), the end of either process. docs/ARCHITECTURE.md, Warm workers and How a job's end is known.
 *
 * The session launches JOBS jobs, one after another or side by side, on at most WORKERS processes. Each step that other
 * processes can come between is one atomic step here and named after the function that does it: "fn ROOM::FILE::NAME".
 * Latches are modelled, time is not: whatever has a time-out may happen at any time.
 *
 * check.sh searches it as each of these is defined, and then with each BREAK_... named behind it, which has to be found:
 * check: OWN claim_compares signaled_is_looked_at publish_wakes reset_before_look published_is_asked_again
 * check: ELSEWHERE mark_is_looked_at mark_stops_the_start cancel_is_locked exit_keeps_launched
 * check: ADMIN committed_is_looked_at job_is_forgotten exit_publishes idle_leaves_with_session taken_is_said untaken_is_left
 */
#ifndef JOBS
#define JOBS 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#define NONE 255

/* Availability */
mtype = { BUSY, IDLE, CLAIMED, LEAVING };

/* The directory's entry of a job. One whose worker is gone is as good as free: whoever looks, or finds the
 * table full (fn directory::look::settle_lost), takes it back. */
mtype = { FREE, LAUNCHING, RUNNING };

typedef Worker {
	bool registered;      /* the postmaster is to start it */
	bool attached;        /* it holds both queues */
	bool gone;            /* its process has ended, and the postmaster says so */
	bool latch;
	mtype availability;
	bool published;
	bool succeeded;
	bool asked_to_end;    /* Header::request_cancel */
	byte request;         /* the request queue: the job in it, 0 for none */
	bool let_go;          /* the launcher has detached the request queue */
	byte sigint;          /* a SIGINT on its way: the job that it is meant for, 0 for none */
	bool sigterm;
	byte sigterm_for;     /* the job that it is meant for, 0 for the process */
	bool signaled;        /* the launcher's own: Link::signaled */
	bool ended_cold       /* it was terminated before its first job */
};
Worker w[WORKERS];

typedef Job {
	mtype entry;
	bool marked;          /* the entry says that it was cancelled from elsewhere */
	byte on;              /* the entry's worker; NONE before it is sent to one */
	bool launched;        /* launch() has returned its handle */
	bool too_early;       /* cancelled before it began */
	bool disturbed;       /* it was cancelled, or its worker terminated: it may fail */
	byte ran              /* commits */
};
Job job[JOBS + 1];

bool launcher_latch, launcher_gone;
bool others_done;
byte idle = NONE;             /* the launcher's list of idle workers has room for one here */
byte fresh;                   /* workers started so far */

/* promise `kill`: a signal that was sent for a job never disturbs another one. */
inline check_target(target) { assert(target == 0 || target == j) }

/* ---------------------------------------------------------------- the worker ---- */

/* fn worker::outcome::publish: the record, then the launcher's latch. The first publication counts. */
inline publish(success) {
	atomic {
		if
		:: !w[me].published -> w[me].succeeded = success; w[me].published = true
		:: else
		fi
	}
#ifndef BREAK_publish_wakes
	launcher_latch = true
#endif
}

/* fn directory::jobs::end: the entry goes before the worker can be claimed again. One lock: atomic. */
inline end_entry() {
	atomic {
		if
		:: j != 0 && job[j].entry == RUNNING && job[j].on == me ->
#ifndef BREAK_mark_is_looked_at
			stays = stays && !job[j].marked;
#endif
			job[j].entry = FREE
		:: else
		fi
	}
}

/* fn worker::outcome::publish_success */
inline publish_success() {
	end_entry();
#ifndef BREAK_job_is_forgotten
	committed = false;                    /* before the next job can be sent */
#endif
	if
	:: stays -> w[me].availability = IDLE
	:: else
	fi;
	publish(true)
}

/* fn worker::outcome::settle: the exit callback, after PostgreSQL's own rollback. */
inline settle() {
	stays = false;
	end_entry();
	atomic {
		/* fn channel::segment::leave_without_job */
#ifndef BREAK_untaken_is_left
		has_no_job = (w[me].availability != BUSY);
#else
		has_no_job = (w[me].availability == IDLE || w[me].availability == LEAVING);
#endif
		if
		:: has_no_job -> w[me].availability = LEAVING
		:: else
		fi
	};
	if
	:: has_no_job || w[me].published
#ifndef BREAK_committed_is_looked_at
	:: !has_no_job && !w[me].published && committed -> publish_success()
#endif
	:: else -> publish(false)
	fi
}

proctype WorkerProcess(byte me) {
	byte j = 0;
	bool committed, stays, will_stay, has_no_job;
end:	w[me].registered;
	if
	:: w[me].let_go -> goto out          /* fn worker::mod::start: the launcher was interrupted, or is gone */
	:: else -> w[me].attached = true; launcher_latch = true
	fi;
next:
	/* fn worker::mod::receive: a cold worker waits here, a warm one has waited in next_job. */
	if
	:: atomic { w[me].request != 0 -> j = w[me].request; w[me].request = 0 }
	:: w[me].request == 0 && w[me].let_go -> goto out
	:: w[me].sigterm -> goto killed_untaken
	fi;
	stays = true;
	/* Terminated between receiving and taking. */
	if
	:: w[me].sigterm -> goto killed_untaken
	:: true
	fi;
	/* fn channel::segment::take_job: from here on it has begun */
#ifndef BREAK_taken_is_said
	w[me].availability = BUSY;
#endif
	/* fn directory::jobs::begin: a job that was cancelled while it was LAUNCHING does not begin; none for this job: nobody wants it. */
	atomic {
		if
		:: job[j].entry == LAUNCHING && !job[j].marked -> job[j].entry = RUNNING
#ifdef BREAK_mark_stops_the_start
		:: job[j].entry == LAUNCHING && job[j].marked -> job[j].entry = RUNNING
#else
		:: job[j].entry == LAUNCHING && job[j].marked -> job[j].entry = RUNNING; goto failed
#endif
		:: job[j].entry != LAUNCHING -> goto out
		fi
	};
	if
	:: w[me].asked_to_end -> goto failed
	:: else
	fi;
work:	/* fn worker::execute::run: interrupts are served, or the job fails by itself, or it commits. */
	atomic {
		if
		:: w[me].sigterm -> check_target(w[me].sigterm_for); job[j].disturbed = true; goto killed
		:: w[me].sigint != 0 -> check_target(w[me].sigint); w[me].sigint = 0; goto failed
		:: true ->
			assert(job[j].ran == 0);             /* promise `once` */
			assert(!job[j].too_early);           /* promise `early`: what was cancelled before it began does not begin */
			job[j].ran++; committed = true
		fi
	};
	/* Between commit and publication: SIGTERM ends it with the success that it is. */
	if
	:: w[me].sigterm -> goto killed
	:: true
	fi;
	publish_success();
	if
	:: !stays -> goto out
	:: else
	fi;
	j = 0;
	will_stay = false;
	/* fn worker::idle::wait_for_job */
	do
	:: 
#ifndef BREAK_reset_before_look
		w[me].latch = false;
#endif
		/* fn pg::process::serve_interrupts_but_cancel */
		if
		:: w[me].sigterm -> goto killed
		:: else -> w[me].sigint = 0
		:: w[me].sigint != 0              /* it was sent, but has not arrived yet */
		fi;
		if
		:: w[me].request != 0 -> goto next
#ifndef BREAK_idle_leaves_with_session
		:: w[me].request == 0 && w[me].let_go -> goto out
		:: w[me].request == 0 && !w[me].let_go
#else
		:: w[me].request == 0
#endif
		fi;
#ifdef BREAK_reset_before_look
		w[me].latch = false;
#endif
		if
		:: !will_stay ->                      /* time is up, or SIGUSR2 of fn session::idle::evict */
			/* fn worker::idle::leave: compare-and-swap */
			if
			:: atomic { w[me].availability == IDLE -> w[me].availability = LEAVING }; goto out
			:: else -> will_stay = true
			fi
		:: true
		fi;
		w[me].latch
	od;
failed:	/* fn worker::mod::fail: rolled back; publish_failure; the process ends. */
	stays = false;
	end_entry();
	publish(false);
	goto out;
killed_untaken:
	/* A new worker's job fails with it. Promise `untaken`: that of a claimed one does not, so nothing disturbs it. */
	atomic {
		if
		:: w[me].availability == BUSY ->
			w[me].ended_cold = true;
			j = 1;
			do
			:: j <= JOBS -> if :: job[j].on == me && job[j].ran == 0 -> job[j].disturbed = true :: else fi; j++
			:: else -> break
			od
		:: else
		fi;
		j = 0
	};
killed:
#ifndef BREAK_exit_publishes
	settle();
#endif
out:
	/* Whoever leaves without a word frees what he holds, too. */
	stays = false;
	end_entry();
	/* The postmaster has reaped it and wakes the launcher. */
	atomic {
		w[me].gone = true; launcher_latch = true;
		w[me].latch = false; w[me].sigint = 0; w[me].sigterm = false; w[me].sigterm_for = 0
	}
}

/* -------------------------------------------------------------- the launcher ---- */

/* fn session::link::release */
inline release(x) {
	atomic { w[x].let_go = true; w[x].latch = true }
}

/* fn session::idle::keep */
inline keep(x) {
	if
#ifndef BREAK_signaled_is_looked_at
	:: w[x].signaled || w[x].availability != IDLE -> release(x)
	:: !w[x].signaled && w[x].availability == IDLE ->
#else
	:: w[x].availability != IDLE -> release(x)
	:: w[x].availability == IDLE ->
#endif
		/* fn channel::segment::clear_for_next_job */
		w[x].asked_to_end = false;
		w[x].published = false;
		if
		:: idle == NONE -> idle = x
		:: else -> release(x)             /* the model's list has one place */
		fi
	fi
}

/* fn session::link::has_left_early: first whether it leaves, then the publication. */
inline look_whether_left(x) {
	left = (w[x].availability == LEAVING);
	left = left && !w[x].published
}

/* fn session::pump::leave: it was cancelled before it began. */
inline leave(k) {
	assert(job[k].ran == 0 && job[k].disturbed);
	job[k].entry = FREE;
	held[k] = NONE;
	release(x)
}

/* fn session::pump::pump: first whether it has left and what it has published; where it has stopped, both once more. */
inline pump(k) {
	x = held[k];
	look_whether_left(x);
		if
		:: left -> leave(k)
		:: else ->
		if
		:: w[x].published ->
			/* fn session::pump::finish. Promise `truth`: the outcome says success if, and only if, the job has committed;
			 * promise `run`: nothing fails that nobody disturbed. */
			assert(w[x].succeeded == (job[k].ran == 1));
			assert(job[k].ran == 1 || job[k].disturbed);
			held[k] = NONE;
			if
			:: w[x].succeeded -> keep(x)
			:: else -> release(x)
			fi
		:: else ->
			stopped = w[x].gone;
			if
			:: stopped ->
#ifndef BREAK_published_is_asked_again
				look_whether_left(x);
				if
				:: left -> leave(k)
				:: else ->
					if
					:: w[x].published -> launcher_latch = true
					:: else -> assert(false)   /* promise `outcome`: 08006 is for crashes alone */
					fi
				fi
#else
				assert(false)
#endif
			:: else
			fi
		fi
		fi
}

inline pump_all() {
	atomic { k = 1; x = 0; stopped = false };
	do
	:: atomic { k <= JOBS && held[k] == NONE -> k++ }
	:: k <= JOBS && held[k] != NONE -> pump(k); atomic { k++; x = 0; stopped = false }
	:: atomic { k > JOBS -> k = 0; break }
	od
}

/* fn session::link::cancel: nothing is signalled whose outcome is final. */
inline cancel(k) {
	if
	:: held[k] == NONE
	:: else ->
		atomic { x = held[k]; job[k].disturbed = true; w[x].asked_to_end = true };
		if
		:: w[x].published
		:: else -> w[x].signaled = true; atomic { w[x].sigint = k; w[x].latch = true }
		fi
	fi
}

/* fn session::link::terminate, when a grace period is over. */
inline terminate(k) {
	if
	:: held[k] == NONE
	:: else ->
		x = held[k];
		job[k].disturbed = true;
		if
		:: w[x].published
		:: else -> w[x].signaled = true; atomic { w[x].sigterm = true; w[x].sigterm_for = k; w[x].latch = true }
		fi
	fi
}

proctype Launcher() {
	byte n = 0, k, x, link;
	bool stopped, wait, left;
	byte held[JOBS + 1] = NONE;       /* Job::link */
	byte last_cancelled = 0;
	do
	:: n < JOBS ->
		/* fn session::launch::launch */
		n++;
		pump_all();
		link = NONE;
		/* fn session::idle::claim */
		if
		:: idle != NONE ->
			x = idle; idle = NONE;
#ifndef BREAK_claim_compares
			if
			:: atomic { w[x].availability == IDLE -> w[x].availability = CLAIMED }; link = x
			:: else -> release(x)
			fi
#else
			if
			:: w[x].availability == IDLE -> w[x].availability = CLAIMED; link = x
			:: else -> release(x)
			fi
#endif
		:: else
		fi;
		if
		:: link == NONE && fresh == WORKERS -> break          /* no slot: 53000 */
		:: else
		fi;
		job[n].entry = LAUNCHING;                            /* fn directory::jobs::enter */
		if
		:: link == NONE -> link = fresh; fresh++; w[link].registered = true      /* fn session::start::start_worker */
		:: else
		fi;
		/* fn session::launch::hand_over: an error before the request is sent ends the worker, and frees the entry. */
		if
#ifdef OWN
		:: true ->
			w[link].asked_to_end = true;
			atomic { w[link].sigterm = true; w[link].latch = true };
			release(link);
			job[n].entry = FREE;                         /* fn directory::jobs::withdraw */
			goto next_job
#endif
		:: true
		fi;
		/* fn session::launch::send_request; promise `queue`: only an own worker without a job is sent one. */
		atomic {
			job[n].on = link;                            /* fn directory::jobs::assign */
			job[n].disturbed = job[n].disturbed || w[link].ended_cold;
			assert(w[link].request == 0);
			w[link].request = n; w[link].latch = true
		};
		w[link].attached || w[link].gone;                    /* fn session::start::wait_for_attach */
		/* fn session::start::wait_for_taking. Who waits for the job itself looks later, and does the same. */
		w[link].availability != CLAIMED || w[link].gone;
		look_whether_left(link);
		if
		:: left ->
			/* fn directory::jobs::take_back: no, if it was cancelled from elsewhere. */
			atomic {
				if
				:: job[n].entry == LAUNCHING && !job[n].marked -> job[n].entry = FREE
				:: else -> left = false
				fi
			}
		:: else
		fi;
		if
		:: left ->
			assert(job[n].ran == 0);
			release(link);
			if
			:: fresh == WORKERS -> job[n].on = NONE; break       /* no slot: 53000 */
			:: else
			fi;
			job[n].entry = LAUNCHING;
			job[n].on = NONE;
			link = fresh; fresh++; w[link].registered = true;
			atomic {
				job[n].on = link;
				job[n].disturbed = job[n].disturbed || w[link].ended_cold;
				w[link].request = n; w[link].latch = true
			};
			w[link].attached || w[link].gone
		:: else
		fi;
		held[n] = link;
		job[n].launched = true;
next_job:	link = 0
	:: true ->
		/* Whoever waits, fn session::wait::wait_by_latch; or cancels; or does something else. */
		launcher_latch = false;
		pump_all();
#ifdef OWN
		if
		:: n > 0 ->
			if
			:: last_cancelled < n -> last_cancelled = n;
				if
				:: true -> cancel(n)
				:: true -> cancel(n); terminate(n)
				fi
			:: true
			fi
		:: else
		fi;
#endif
		/* All are waited for. */
		atomic {
			k = 1;
			do
			:: k <= JOBS && held[k] == NONE -> k++
			:: else -> break
			od;
			if
			:: k <= JOBS -> k = 0; wait = true
			:: k > JOBS && n == JOBS -> k = 0; break
			:: else -> k = 0
			fi
		};
		if
		:: wait -> atomic { launcher_latch -> wait = false }
		:: wait = false                            /* or not */
		fi
	:: true -> break                           /* the session ends */
	od;
	/* Exit callback: entries of launches that have not come to their end, which the model's exit never interrupts; then
	 * the queues go with their segments. */
#ifdef BREAK_exit_keeps_launched
	k = 1;
	do
	:: k <= JOBS ->
		atomic { if :: job[k].entry == LAUNCHING -> job[k].entry = FREE :: else fi };
		k++
	:: else -> break
	od;
#endif
	atomic {
		k = 0;
		do
		:: k < WORKERS -> w[k].let_go = true; w[k].latch = true; k++
		:: else -> break
		od;
		k = 0; x = 0; n = 0; link = 0; launcher_latch = false; idle = NONE;
		do
		:: k <= JOBS -> held[k] = NONE; k++
		:: else -> break
		od;
		launcher_gone = true
	}
}

/* ------------------------------------------------------------------- others ---- */

/* ELSEWHERE, fn directory::jobs::signal: another session cancels any job once, by its cookie, under the directory's lock. ADMIN: pg_terminate_backend
 * of the first worker. */
proctype Others() {
	byte k, seen = NONE;
#ifdef ELSEWHERE
	if
	:: k = 1
	:: k = JOBS
	fi;
	atomic {
		if
		:: job[k].entry == LAUNCHING -> job[k].marked = true; job[k].disturbed = true; job[k].too_early = true
		:: job[k].entry == RUNNING ->
			job[k].marked = true; job[k].disturbed = true;
#ifdef BREAK_cancel_is_locked
			seen = job[k].on
		:: else
		fi
	};
	atomic {
		if
		:: seen != NONE ->
			assert(!w[seen].gone);
			w[seen].sigint = k; w[seen].latch = true
#else
			assert(!w[job[k].on].gone);      /* promise `pid`: no signal to a process that has ended */
			w[job[k].on].sigint = k; w[job[k].on].latch = true
#endif
		:: else
		fi
	};
#endif
#ifdef ADMIN
	if
	:: w[0].registered ->
		atomic {
			w[0].sigterm = true; w[0].latch = true
		}
	:: true
	fi;
#endif
	others_done = true
}

init {
	byte i = 0;
	atomic {
		do
		:: i <= JOBS -> job[i].entry = FREE; job[i].on = NONE; i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < WORKERS -> w[i].availability = BUSY; run WorkerProcess(i); i++
		:: else -> break
		od;
		run Launcher();
		run Others()
	};
	/* Everything has come to its end: promises `ends` (nothing waits for ever), `entries`, `kept`. */
	atomic {
		launcher_gone && others_done;
	};
	i = 0;
	do
	:: i < WORKERS -> (w[i].gone || !w[i].registered); i++
	:: else -> break
	od;
	atomic {
		i = 1;
		do
		:: i <= JOBS ->
			assert(job[i].entry == FREE || (job[i].on != NONE && w[job[i].on].gone));
			assert(!job[i].launched || job[i].ran == 1 || job[i].disturbed);
			i++
		:: else -> break
		od
	}
}

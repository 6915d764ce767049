/*
 * One job's rows: the queue while somebody reads, a file when nobody does. docs/ARCHITECTURE.md, Rows and types.
 *
 * The worker sends FRAMES frames and publishes; the launcher reads, stops reading, never reads, lets the job go, or ends,
 * whenever it likes. A unit is the room that a frame takes. Each step that the other process can come between is one atomic
 * step here and named after the function that does it: "fn ROOM::FILE::NAME". Time is not modelled: whatever has a time-out may
 * give up at any moment.
 *
 * check.sh searches it as each of these is defined, and then with each BREAK_... named behind it, which has to be found:
 * check: READS credit_leaves_slack patience_ends marker_is_sent published_is_read_first rest_of_file_is_read publish_wakes reset_before_look
 * check: TAKES_OVER takeover_keeps_markers takeover_remembers_extents takeover_empties
 * check: LETS_GO look_after_creating word_before_deleting
 */
#ifndef FRAMES
#define FRAMES 8
#endif
#define RING 4
#define QUARTER 1             /* shm_mq gives room back when more than this has been taken, and when it found nothing */
#define MARKER 100            /* and the file's length */
#define APPENDED 50           /* and the place in the file of a frame that the launcher has put there */

/* The response queue. */
chan queue = [RING] of { byte };
byte sent, received;          /* what the two count */
byte freed;                   /* in the segment: what has been given back for certain */
byte pending, released;       /* shm_mq's own: mqh_consume_pending, mq_bytes_read */

/* The file. */
byte file[FRAMES + 2];
byte file_length;
bool file_exists;

/* The segment. */
bool published, succeeded;
byte published_length;
bool unwanted;                /* the job was let go of, or the launcher is going */
bool detached;                /* the launcher's end of the queue is gone */

bool launcher_latch;
bool worker_done, launcher_done, launcher_stuck;

/* ------------------------------------------------------------------- worker ---- */

/* fn channel::credit::room, fn channel::credit::has_room_for, fn channel::credit::is_empty */
#define room (sent - freed < RING)
#define emptied (sent == freed)

/* fn channel::credit::put. Promise `certain`: what is within the credit never blocks. */
inline send(value) {
	atomic {
		assert(sent - released < RING);
		if
		:: detached -> discard = true
		:: else -> queue!value; sent++; launcher_latch = true
		fi
	}
}

/* fn worker::sending::append */
inline append(value) {
	if
	:: !created ->
		file_exists = true; created = true;
#ifndef BREAK_look_after_creating
		if
		:: unwanted -> file_exists = false; discard = true
		:: else
		fi
#endif
	:: else
	fi;
	atomic { file[file_length] = value; file_length++ }
}

proctype Worker() {
	byte i = 1;
	bool to_file, created, discard;
	do
	:: i > FRAMES -> succeeded = true; break
	:: i <= FRAMES ->
		/* fn worker::sending::deliver_frame */
		if
		:: discard || unwanted ->
			/* fn worker::sending::drop_output: nobody wants it, what is there goes. */
			if
			:: created -> file_exists = false
			:: else
			fi;
			discard = true
		:: else ->
			if
			:: to_file && emptied ->
				/* Emptied: a reader has come. */
#ifndef BREAK_marker_is_sent
				send(MARKER + file_length);
#endif
				to_file = false
			:: else
			fi;
			if
			:: to_file -> append(i)
			:: else ->
				if
				:: room -> send(i)
				:: else ->
					/* fn worker::sending::wait_for_room */
					if
					:: room || unwanted || detached ->
						if
						:: room && !unwanted && !detached -> send(i)
						:: else -> discard = true
						fi
#ifndef BREAK_patience_ends
					:: true -> to_file = true; append(i)
#endif
					fi
				fi
			fi
		fi;
		i++
	:: i <= FRAMES -> break          /* it fails, or is terminated */
	od;
	/* fn worker::sending::end, fn worker::outcome::publish: the outcome names the file's length. The worker holds nothing any
	 * more. */
	atomic { published_length = file_length; published = true };
#ifndef BREAK_publish_wakes
	launcher_latch = true;
#endif
	worker_done = true
}

/* ----------------------------------------------------------------- launcher ---- */

/* fn channel::credit::receive: shm_mq_receive, without waiting; a message into `got`, or 0. What may not have been given back
 * yet is a quarter of the ring and one frame; nothing, once the queue was found empty. */
#ifndef BREAK_credit_leaves_slack
#define SLACK (QUARTER + 1)
#else
#define SLACK 0
#endif
inline receive() {
	atomic {
		if
		:: pending > QUARTER -> released = released + pending; pending = 0
		:: else
		fi;
		if
		:: nempty(queue) ->
			queue?got; pending++; received++;
			if
			:: received > freed + SLACK -> freed = received - SLACK
			:: else
			fi
		:: empty(queue) -> got = 0; released = released + pending; pending = 0; freed = received
		fi
	}
}

/* Promise `order`: the frames come one after another, none missing, none twice. */
inline deliver(value) {
	assert(value == expected);
	expected++
}

/* fn session::pump::read_file, after fn session::pump::take_marker: from where the last reading ended up to `end`. */
inline deliver_file(end) {
	atomic {
		do
		:: position < end -> deliver(file[position]); position++
		:: else -> break
		od
	}
}

/* fn session::pump::finish. Promise `all`: a job that succeeded has been read to its end. Its file goes. */
inline finish() {
	assert(!succeeded || expected == FRAMES + 1);
	assert(empty(queue));
	file_exists = false
}

/* fn session::pump::take_over, fn session::kept::keep_frame, fn session::kept::keep_file: what is in the queue is taken into memory, which has room for one frame here; the others go to the file's end. Then segment
 * and worker are free: promise `free`, the queue is empty, for the next job. */
inline take_over() {
	in_file = file_length;
	do
	:: receive();
		atomic {
			if
			:: got == 0 -> break
			:: got >= MARKER ->
#ifndef BREAK_takeover_keeps_markers
				kept[keeps] = got; keeps++
#else
				skip
#endif
			:: got > 0 && got < MARKER && !memory_full -> kept[keeps] = got; keeps++; memory_full = true
			:: got > 0 && got < MARKER && memory_full ->
				file[in_file] = got; file_exists = true;
#ifndef BREAK_takeover_remembers_extents
				kept[keeps] = APPENDED + in_file; keeps++;
#else
				published_length = in_file + 1;
#endif
				in_file++
			fi
		}
#ifdef BREAK_takeover_empties
		break
#endif
	od;
	assert(empty(queue));
	taken_over = true
}

/* fn session::kept::replay */
inline deliver_kept() {
	i = 0;
	do
	:: i < keeps ->
		if
		:: kept[i] >= MARKER -> deliver_file(kept[i] - MARKER)
		:: kept[i] >= APPENDED && kept[i] < MARKER -> deliver(file[kept[i] - APPENDED])
		:: kept[i] < APPENDED -> deliver(kept[i])
		fi;
		i++
	:: else -> break
	od;
	deliver_file(published_length)
}

proctype Launcher() {
	byte got, expected = 1, position, in_file, keeps, i;
	byte kept[RING + 1];
	bool seen, memory_full, taken_over;
#ifdef TAKES_OVER
	/* It has read a little, or nothing; then it is elsewhere until it sees the outcome. */
	do
	:: receive();
		if
		:: got == 0
		:: got >= MARKER -> deliver_file(got - MARKER)
		:: got > 0 && got < MARKER -> deliver(got)
		fi
	:: true -> break
	od;
	if
	:: published
	:: launcher_stuck = true; goto stuck
	fi;
	take_over();
	deliver_kept();
	finish();
	goto out;
#endif
again:
	do
	::
#ifndef BREAK_reset_before_look
		launcher_latch = false;
#endif
#ifndef BREAK_published_is_read_first
		seen = published;
#endif
		do
		:: receive();
			if
			:: got == 0 -> break
			:: got >= MARKER -> deliver_file(got - MARKER)
			:: got > 0 && got < MARKER -> deliver(got)
			fi
#ifdef LETS_GO
		:: true -> goto let_go
#endif
		od;
#ifdef BREAK_published_is_read_first
		seen = published;
#endif
		if
		:: seen ->
#ifndef BREAK_rest_of_file_is_read
			deliver_file(published_length);
#endif
			finish();
			goto out
		:: else
		fi;
#ifdef BREAK_reset_before_look
		launcher_latch = false;
#endif
		if
		:: true -> launcher_latch
		:: true -> launcher_stuck = true; goto stuck       /* nobody reads any more */
#ifdef LETS_GO
		:: true -> goto let_go
#endif
		fi
	od;
#ifdef LETS_GO
let_go:	/* fn session::registry::let_go, fn rows::file::remove: the job is let go of, or the session ends. First the word, then the file. */
#ifndef BREAK_word_before_deleting
	unwanted = true;
	file_exists = false;
#else
	file_exists = false;
	unwanted = true;
#endif
	if
	:: detached = true                         /* the session ends */
	:: true ->                                 /* it does not: the worker is free once the queue is empty */
		published;
		do
		:: receive();
			if
			:: got == 0 -> break
			:: else
			fi
		od;
		assert(empty(queue))
	fi;
#endif
out:	launcher_done = true;
	goto done;
stuck:	skip;
done:	skip
}

init {
	atomic { run Worker(); run Launcher() };
	/* Promise `alone`: the worker comes to its end whatever the launcher does, also nothing. */
	worker_done && (launcher_done || launcher_stuck);
	/* Promise `clean`: no file is left. */
	assert(launcher_stuck || !file_exists)
}

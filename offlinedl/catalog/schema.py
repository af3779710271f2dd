"""The catalog's tables, from the first version on. What must hold is a CHECK here as well as an invariant in the
model."""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE sources (
        name TEXT PRIMARY KEY,
        url TEXT NOT NULL,
        kind TEXT NOT NULL,
        added_at TEXT NOT NULL
    ) STRICT;

    CREATE TABLE licenses (
        id TEXT PRIMARY KEY,
        title_id TEXT NOT NULL UNIQUE REFERENCES titles(id),
        system TEXT,
        kids TEXT NOT NULL,
        issued_at TEXT NOT NULL,
        storage_seconds INTEGER CHECK (storage_seconds > 0),
        playback_seconds INTEGER CHECK (playback_seconds > 0),
        ends_at TEXT,
        first_played_at TEXT,
        last_played_at TEXT CHECK (last_played_at IS NULL OR first_played_at IS NOT NULL),
        renewable INTEGER NOT NULL CHECK (renewable IN (0, 1))
    ) STRICT;

    CREATE TABLE titles (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        series_id TEXT,
        series_name TEXT,
        season INTEGER,
        episode INTEGER,
        state TEXT NOT NULL
            CHECK (state IN ('queued', 'downloading', 'paused', 'failed', 'ready', 'removing')),
        folder TEXT NOT NULL UNIQUE,
        license_slot TEXT NOT NULL UNIQUE,
        license_id TEXT REFERENCES licenses(id) DEFERRABLE INITIALLY DEFERRED,
        protected INTEGER NOT NULL CHECK (protected IN (0, 1)),
        rights TEXT NOT NULL,
        manifest_url TEXT NOT NULL,
        quality TEXT NOT NULL,
        audio TEXT NOT NULL,
        subtitles TEXT NOT NULL,
        kids TEXT NOT NULL,
        license_server BLOB,
        bytes_done INTEGER NOT NULL DEFAULT 0 CHECK (bytes_done >= 0),
        bytes_total INTEGER NOT NULL DEFAULT 0,
        fetches_left INTEGER NOT NULL DEFAULT 0 CHECK (fetches_left >= 0),
        watched INTEGER NOT NULL DEFAULT 0 CHECK (watched IN (0, 1)),
        kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
        position_seconds INTEGER NOT NULL DEFAULT 0 CHECK (position_seconds >= 0),
        error_code TEXT,
        error_message TEXT,
        error_hint TEXT,
        added_at TEXT NOT NULL,
        CHECK (state <> 'ready' OR NOT protected OR license_id IS NOT NULL),
        CHECK (state <> 'ready' OR fetches_left = 0),
        CHECK ((state = 'failed') = (error_code IS NOT NULL))
    ) STRICT;

    CREATE TABLE tracks (
        title_id TEXT NOT NULL REFERENCES titles(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        id TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('video', 'audio', 'subtitles')),
        container TEXT NOT NULL,
        bandwidth INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        codecs TEXT NOT NULL,
        language TEXT NOT NULL,
        name TEXT NOT NULL,
        why TEXT NOT NULL,
        PRIMARY KEY (title_id, position),
        UNIQUE (title_id, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE keys (
        title_id TEXT NOT NULL REFERENCES titles(id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        method TEXT NOT NULL,
        uri TEXT NOT NULL,
        keyformat TEXT NOT NULL,
        PRIMARY KEY (title_id, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE fetches (
        title_id TEXT NOT NULL REFERENCES titles(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        rendition TEXT NOT NULL,
        init INTEGER NOT NULL CHECK (init IN (0, 1)),
        number INTEGER NOT NULL,
        url TEXT NOT NULL,
        first INTEGER,
        last INTEGER CHECK ((last IS NULL) = (first IS NULL) AND (last IS NULL OR last >= first)),
        path TEXT NOT NULL,
        start REAL NOT NULL,
        duration REAL NOT NULL,
        needs_init INTEGER,
        key INTEGER,
        iv BLOB CHECK (iv IS NULL OR length(iv) = 16),
        estimate INTEGER NOT NULL,
        size INTEGER CHECK (size >= 0),
        PRIMARY KEY (title_id, position),
        UNIQUE (title_id, rendition, init, number),
        UNIQUE (title_id, path)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE destructions (
        license_id TEXT PRIMARY KEY,
        title_id TEXT NOT NULL,
        system TEXT,
        kids TEXT NOT NULL,
        issued_at TEXT NOT NULL,
        first_played_at TEXT,
        last_played_at TEXT,
        destroyed_at TEXT NOT NULL,
        license_server BLOB
    ) STRICT;

    CREATE TABLE history (
        title_id TEXT NOT NULL,
        at TEXT NOT NULL,
        event TEXT NOT NULL
    ) STRICT;
    CREATE INDEX history_of_title ON history (title_id);
    """,
    # What an init segment is made from, as JSON, for tracks of formats that have none (Smooth Streaming).
    "ALTER TABLE tracks ADD COLUMN setup TEXT",
    # What tells whether a file is still what came, fallback addresses (as JSON), and what a person asks of a download.
    """
    ALTER TABLE fetches ADD COLUMN checksum BLOB CHECK (checksum IS NULL OR length(checksum) = 16);
    ALTER TABLE fetches ADD COLUMN validator TEXT;
    ALTER TABLE titles ADD COLUMN bases TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE titles ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE titles ADD COLUMN pause_asked INTEGER NOT NULL DEFAULT 0 CHECK (pause_asked IN (0, 1))
    """,
    # What a license leaves open or says softly, its policy as it came, when it was seen to be over and when its keys
    # were destroyed; where an entitlement was asked for, and what is owed there; and the time that was seen last.
    """
    ALTER TABLE licenses ADD COLUMN unknown TEXT NOT NULL DEFAULT '';
    ALTER TABLE licenses ADD COLUMN soft TEXT NOT NULL DEFAULT '';
    ALTER TABLE licenses ADD COLUMN policy TEXT NOT NULL DEFAULT '';
    ALTER TABLE licenses ADD COLUMN expired_at TEXT;
    ALTER TABLE licenses ADD COLUMN destroyed_at TEXT;
    ALTER TABLE destructions ADD COLUMN handle BLOB;
    ALTER TABLE titles ADD COLUMN entitlement_url TEXT;
    CREATE TABLE releases (
        title_id TEXT NOT NULL,
        entitlement_url TEXT NOT NULL,
        removed_at TEXT NOT NULL,
        PRIMARY KEY (title_id, entitlement_url)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE clock (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        at TEXT NOT NULL,
        boot_id TEXT,
        boot_seconds REAL CHECK ((boot_seconds IS NULL) = (boot_id IS NULL)),
        confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
        heard_at TEXT CHECK (heard_at IS NOT NULL OR NOT confirmed),
        suspect INTEGER NOT NULL CHECK (suspect IN (0, 1))
    ) STRICT
    """,
    # What people are told of a title, and when they had watched it.
    """
    ALTER TABLE titles ADD COLUMN published TEXT;
    ALTER TABLE titles ADD COLUMN duration REAL NOT NULL DEFAULT 0 CHECK (duration >= 0);
    ALTER TABLE titles ADD COLUMN summary TEXT NOT NULL DEFAULT '';
    ALTER TABLE titles ADD COLUMN poster TEXT NOT NULL DEFAULT '';
    ALTER TABLE titles ADD COLUMN watched_at TEXT
    """,
    # What players are told of subtitles, and of media whose clock does not go on.
    """
    ALTER TABLE tracks ADD COLUMN forced INTEGER NOT NULL DEFAULT 0 CHECK (forced IN (0, 1));
    ALTER TABLE fetches ADD COLUMN breaks INTEGER NOT NULL DEFAULT 0 CHECK (breaks IN (0, 1))
    """,
    # What sources offer, without addresses and headers, which may be secrets; and how each source was found last.
    """
    ALTER TABLE sources ADD COLUMN etag TEXT NOT NULL DEFAULT '';
    ALTER TABLE sources ADD COLUMN last_modified TEXT NOT NULL DEFAULT '';
    ALTER TABLE sources ADD COLUMN checksum BLOB NOT NULL DEFAULT x'';
    ALTER TABLE sources ADD COLUMN fetched_at TEXT;
    ALTER TABLE sources ADD COLUMN error_code TEXT;
    ALTER TABLE sources ADD COLUMN error_message TEXT;
    ALTER TABLE sources ADD COLUMN error_hint TEXT;
    ALTER TABLE sources ADD COLUMN failing_since TEXT CHECK ((failing_since IS NULL) = (error_code IS NULL));
    CREATE TABLE offers (
        id TEXT PRIMARY KEY,
        source TEXT NOT NULL REFERENCES sources(name) ON DELETE CASCADE,
        position INTEGER NOT NULL CHECK (position >= 0),
        name TEXT NOT NULL,
        series_id TEXT,
        series_name TEXT CHECK ((series_name IS NULL) = (series_id IS NULL)),
        season INTEGER,
        episode INTEGER,
        special INTEGER NOT NULL CHECK (special IN (0, 1)),
        published TEXT,
        available_from TEXT,
        available_until TEXT,
        duration REAL NOT NULL CHECK (duration >= 0),
        download INTEGER NOT NULL CHECK (download IN (0, 1)),
        UNIQUE (source, position)
    ) STRICT;
    CREATE INDEX offers_of_series ON offers (series_id, position)
    """,
    # Series that are followed, what is remembered of titles that are gone, and downloads that failed; how a title came
    # here, whether a person stopped it, and the date after which it may go first.
    """
    ALTER TABLE titles ADD COLUMN special INTEGER NOT NULL DEFAULT 0 CHECK (special IN (0, 1));
    ALTER TABLE titles ADD COLUMN brought INTEGER NOT NULL DEFAULT 0 CHECK (brought IN (0, 1));
    ALTER TABLE titles ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
    ALTER TABLE titles ADD COLUMN expires_on TEXT;
    CREATE TABLE following (
        series_id TEXT PRIMARY KEY,
        series_name TEXT NOT NULL,
        ahead INTEGER NOT NULL CHECK (ahead > 0),
        delete_watched INTEGER NOT NULL CHECK (delete_watched IN (0, 1)),
        grace_seconds INTEGER NOT NULL CHECK (grace_seconds >= 0),
        refetch_expired INTEGER NOT NULL CHECK (refetch_expired IN (0, 1)),
        newest INTEGER NOT NULL CHECK (newest IN (0, 1)),
        begin_season INTEGER,
        begin_episode INTEGER CHECK ((begin_episode IS NULL) = (begin_season IS NULL)),
        priority INTEGER NOT NULL,
        quality TEXT,
        audio TEXT,
        subtitles TEXT,
        followed_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE gone (
        title_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        series_id TEXT,
        series_name TEXT CHECK ((series_name IS NULL) = (series_id IS NULL)),
        season INTEGER,
        episode INTEGER,
        special INTEGER NOT NULL CHECK (special IN (0, 1)),
        published TEXT,
        why TEXT NOT NULL CHECK (why IN ('removed', 'watched', 'expired', 'passed')),
        watched INTEGER NOT NULL CHECK (watched IN (0, 1)),
        at TEXT NOT NULL,
        CHECK (why <> 'watched' OR watched)
    ) STRICT;
    CREATE INDEX gone_of_series ON gone (series_id);
    CREATE TABLE tries (
        title_id TEXT PRIMARY KEY,
        count INTEGER NOT NULL CHECK (count > 0),
        last_at TEXT NOT NULL,
        code TEXT NOT NULL,
        exit_code INTEGER NOT NULL,
        message TEXT NOT NULL
    ) STRICT
    """,
    # What the last runs of `sync` did: how often what, as JSON, and what failed.
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        began_at TEXT NOT NULL,
        ended_at TEXT,
        exit_code INTEGER CHECK (exit_code IS NULL OR ended_at IS NOT NULL),
        done TEXT NOT NULL DEFAULT '{}',
        waits TEXT NOT NULL DEFAULT '',
        failures TEXT NOT NULL DEFAULT '[]'
    ) STRICT
    """,
    # What went wrong in a run, as JSON: the next one says it no second time.
    """
    ALTER TABLE runs ADD COLUMN troubles TEXT NOT NULL DEFAULT '[]'
    """,
    # What is wrong with titles of a source that are left out.
    """
    ALTER TABLE sources ADD COLUMN left_out TEXT NOT NULL DEFAULT ''
    """,
    # Why a title may not be downloaded, as its source says it.
    "ALTER TABLE offers ADD COLUMN reason TEXT",
    # That a title waits for room.
    "ALTER TABLE titles ADD COLUMN lacks_room INTEGER NOT NULL DEFAULT 0 CHECK (lacks_room IN (0, 1))",
)

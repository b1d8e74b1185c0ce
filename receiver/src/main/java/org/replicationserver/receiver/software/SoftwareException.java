package org.replicationserver.receiver.software;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.log.PeerText;

/**
 * Software was not fetched, or not installed, and what is installed is as it was. For people it has a sentence, what happened, and another
 * one, what to do. Neither holds anything secret.
 */
public final class SoftwareException extends Exception {
    private static final long serialVersionUID = 1;
    private static final int SENTENCE_CHARS_MAX = 600;

    /** Who has to act. */
    public enum Remedy {
        /** Whoever asks: what is asked for is refused, and would be again. */
        REQUEST,
        /** Whoever is answerable for the network, for S3 or for the credentials. */
        SERVICE,
        /** Whoever is answerable for the disk of this server. */
        DISK,
        /** Nobody, it will do later. */
        WAIT
    }

    /** Why. */
    public enum Kind {
        /** The bucket is none of the allow-list. */
        BUCKET_NOT_LISTED(Remedy.REQUEST),
        /** The host of an address is not exactly one that the allow-list makes. */
        HOST_NOT_LISTED(Remedy.REQUEST),
        /** An address that is no plain {@code https://HOST/KEY}. */
        NOT_HTTPS(Remedy.REQUEST),
        /** A key that could mean another place than it says. */
        BAD_KEY(Remedy.REQUEST),
        /** A name, a version, a hash or a signature in no form that is allowed. */
        BAD_REQUEST(Remedy.REQUEST),
        /** The bucket has no bucket of hashes, and no hash was given. */
        HASH_NEEDED(Remedy.REQUEST),
        /** There is no hash of the object, or it may not be read. */
        HASH_MISSING(Remedy.REQUEST),
        /** What stands in the place of the hash is none. */
        HASH_MALFORMED(Remedy.REQUEST),
        /** The object is another one than the hash is of. */
        HASH_DIFFERS(Remedy.REQUEST),
        /** A signature is asked for and there is none. */
        SIGNATURE_MISSING(Remedy.REQUEST),
        /** The signature is not by the key that is asked for, or of something else. */
        SIGNATURE_WRONG(Remedy.REQUEST),
        /** Older than what was trusted before. */
        VERSION_LOWER(Remedy.REQUEST),
        /** What was trusted before has a version, and this has none. */
        VERSION_MISSING(Remedy.REQUEST),
        /** The version is that of other content that was trusted before. */
        VERSION_REUSED(Remedy.REQUEST),
        /** There is no such object, or it may not be read: without the right to list a bucket, S3 does not say which. */
        OBJECT_MISSING(Remedy.REQUEST),
        /** The answer sends to another place, which is not gone to. */
        REDIRECTED(Remedy.REQUEST),
        /** The name of S3 leads to an address that is not public. */
        PRIVATE_ADDRESS(Remedy.REQUEST),
        /** Larger than {@code software.bytes-max}. */
        TOO_LARGE(Remedy.REQUEST),
        /** The object ends before its end, again and again. */
        TRUNCATED(Remedy.SERVICE),
        /** Not done within {@code software.timeout-seconds}. */
        TIMEOUT(Remedy.SERVICE),
        /** The object became another one while it was fetched, again and again. */
        CHANGED(Remedy.SERVICE),
        /** No connection, or it broke, again and again. */
        UNREACHABLE(Remedy.SERVICE),
        /** Connected to somebody who cannot prove to be S3. */
        UNTRUSTED(Remedy.SERVICE),
        /** S3 does not accept who has signed. */
        REFUSED_CREDENTIALS(Remedy.SERVICE),
        /** There are no credentials to sign with. */
        NO_CREDENTIALS(Remedy.SERVICE),
        /** The region of this server is not known. */
        NO_REGION(Remedy.SERVICE),
        /** S3 has failed, or wants fewer requests. */
        SERVER_FAULT(Remedy.SERVICE),
        /** An answer as S3 gives none. */
        BAD_ANSWER(Remedy.SERVICE),
        /** Not enough space for the object. */
        NO_SPACE(Remedy.DISK),
        /** The file was changed between its check and its installation. */
        CHANGED_ON_DISK(Remedy.DISK),
        /** A file of the store, of the mirror or of the configuration cannot be read or written. */
        DISK(Remedy.DISK),
        /** What was trusted last cannot be read, without which nothing older can be told apart. */
        STORE_DAMAGED(Remedy.DISK),
        /** Another process, or another command, changes the store. */
        STORE_IN_USE(Remedy.WAIT),
        /** Nothing of that name is installed. */
        NOT_INSTALLED(Remedy.REQUEST),
        /** There is no older version to go back to. */
        NOTHING_OLDER(Remedy.REQUEST);

        private final Remedy remedy;

        Kind(Remedy remedy) {
            this.remedy = remedy;
        }

        public Remedy remedy() {
            return remedy;
        }
    }

    private final Kind kind;
    private final String nextAction;

    SoftwareException(Kind kind, String sentence, String nextAction) {
        this(kind, sentence, nextAction, null);
    }

    SoftwareException(Kind kind, String sentence, String nextAction, @Nullable Throwable cause) {
        super(PeerText.cut(sentence, SENTENCE_CHARS_MAX), cause);
        this.kind = kind;
        this.nextAction = nextAction;
    }

    public Kind kind() {
        return kind;
    }

    /** What happened, with what is allowed; no capital letter, no full stop. */
    public String sentence() {
        return String.valueOf(getMessage());
    }

    /** What to do about it, a whole sentence. */
    public String nextAction() {
        return nextAction;
    }
}

package org.replicationserver.controlplane;

import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import org.replicationserver.controlplane.AccessKey.Role;

/** The credentials that a control plane knows; the oldest are forgotten when there are too many. Any thread. */
public final class AccessKeys {
    private static final int KEYS_MAX = 1024;
    private static final int ID_BYTES = 8;
    private static final int SECRET_BYTES = 20;
    private static final int TOKEN_BYTES = 64;
    private static final String PERMANENT_PREFIX = "AKIA";
    private static final String TEMPORARY_PREFIX = "ASIA";

    private final InstantSource clock;
    private final SecureRandom random = new SecureRandom();

    // under the lock of this
    private final SequencedMap<String, AccessKey> keys = new LinkedHashMap<>();

    AccessKeys(InstantSource clock) {
        this.clock = clock;
    }

    /** New credentials that do not end. */
    public AccessKey issue(Role role) {
        return add(new AccessKey(id(PERMANENT_PREFIX), hex(SECRET_BYTES), null, null, role));
    }

    /** New credentials that end, as an instance's do. */
    public AccessKey issueTemporary(Role role, Duration validity) {
        return add(new AccessKey(
                id(TEMPORARY_PREFIX),
                hex(SECRET_BYTES),
                hex(TOKEN_BYTES),
                clock.instant().plus(validity),
                role));
    }

    /** Makes credentials known that somebody else drew. */
    public synchronized AccessKey add(AccessKey key) {
        keys.put(key.accessKeyId(), key);
        Bounds.removeOldest(keys, KEYS_MAX);
        return key;
    }

    /** From now on requests with these credentials are answered UnrecognizedClientException. */
    public synchronized void revoke(AccessKey key) {
        keys.remove(key.accessKeyId());
    }

    /** Null if there are none of this id. */
    synchronized @Nullable AccessKey find(String accessKeyId) {
        return keys.get(accessKeyId);
    }

    private String id(String prefix) {
        return prefix + hex(ID_BYTES).toUpperCase(Locale.ROOT);
    }

    private String hex(int bytes) {
        byte[] drawn = new byte[bytes];
        random.nextBytes(drawn);
        return HexFormat.of().formatHex(drawn);
    }
}

package org.replicationserver.receiver.control;

import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.session.BandwidthSchedule;

/** What a command needs to know, by its type. Immutable, any thread. */
public sealed interface CommandParameters {
    /** Reads the parameters of a type. What is not known may change what a command means, so unlike elsewhere it is refused. */
    static CommandParameters read(CommandType type, JsonMembers json) throws MalformedException {
        return switch (type) {
            case PAIR_SOURCE_SERVER -> Pairing.read(only(json, "association"));
            case RESCAN_VOLUMES -> Volumes.read(only(json, "volumeIds"));
            case SET_BANDWIDTH -> NewBandwidth.read(only(json, "bandwidth"));
            case FETCH_SOFTWARE -> Software.read(only(json, "bucket", "key", "name", "version", "sha512", "signature"));
            case REOPEN_VOLUME -> OneVolume.read(only(json, "volumeId"));
            case COLLECT_LOGS -> Logs.read(only(json, "maxRecords"));
            case UNPAIR_SOURCE_SERVER,
                    START_REPLICATION,
                    PAUSE_REPLICATION,
                    RESUME_REPLICATION,
                    STOP_REPLICATION,
                    VERIFY_VOLUMES,
                    CREATE_SNAPSHOT,
                    ROTATE_CERTIFICATE,
                    ACCEPT_AGENTS,
                    DRAIN_SERVER -> {
                only(json);
                yield None.NONE;
            }
        };
    }

    private static JsonMembers only(JsonMembers json, String... names) throws MalformedException {
        json.requireOnly(Set.of(names));
        return json;
    }

    /** Nothing. */
    record None() implements CommandParameters {
        static final None NONE = new None();
    }

    /** Of PAIR_SOURCE_SERVER. */
    record Pairing(Association association) implements CommandParameters {
        static Pairing read(JsonMembers json) throws MalformedException {
            return new Pairing(Association.read(json.object("association")));
        }
    }

    /**
     * Of RESCAN_VOLUMES.
     *
     * @param volumeIds of which volumes; empty for all of the source server
     */
    record Volumes(List<String> volumeIds) implements CommandParameters {
        public Volumes {
            volumeIds = List.copyOf(volumeIds);
        }

        static Volumes read(JsonMembers json) throws MalformedException {
            return new Volumes(
                    json.has("volumeIds")
                            ? json.texts(
                                    "volumeIds",
                                    1,
                                    WireForms.DISKS_MAX,
                                    IdForm.VOLUME.pattern(),
                                    IdForm.VOLUME.allowed())
                            : List.of());
        }
    }

    /** Of SET_BANDWIDTH. */
    record NewBandwidth(BandwidthSchedule bandwidth) implements CommandParameters {
        static NewBandwidth read(JsonMembers json) throws MalformedException {
            return new NewBandwidth(BandwidthJson.read(json.object("bandwidth")));
        }
    }

    /**
     * Of FETCH_SOFTWARE. What name, version and signature may be is for who fetches.
     *
     * @param bucket 3 to 63 characters; whether it is allowed is for who fetches
     * @param key 1 to 1024 characters
     * @param name under which it is installed; null for the last part of the key
     * @param version null if it has none
     * @param sha512 of the object, 128 hexadecimal digits; null if the paired bucket of hashes has it
     * @param signature in base64; null if there is none, or if it is beside the hash
     */
    record Software(
            String bucket,
            String key,
            @Nullable String name,
            @Nullable String version,
            @Nullable String sha512,
            @Nullable String signature)
            implements CommandParameters {
        private static final Pattern SHA512 = Pattern.compile("[0-9a-f]{128}");

        static Software read(JsonMembers json) throws MalformedException {
            return new Software(
                    json.text("bucket", 3, 63),
                    json.text("key", 1, 1024),
                    json.has("name") ? json.text("name", 1, 64) : null,
                    json.has("version") ? json.text("version", 1, 79) : null,
                    json.has("sha512") ? json.text("sha512", SHA512, "128 lowercase hexadecimal digits") : null,
                    json.has("signature") ? json.text("signature", 88, 88) : null);
        }
    }

    /** Of REOPEN_VOLUME. */
    record OneVolume(String volumeId) implements CommandParameters {
        static OneVolume read(JsonMembers json) throws MalformedException {
            return new OneVolume(WireForms.volumeId(json, "volumeId"));
        }
    }

    /**
     * Of COLLECT_LOGS.
     *
     * @param recordsMax the newest, 1 to 10000
     */
    record Logs(int recordsMax) implements CommandParameters {
        private static final int RECORDS_USUAL = 1000;
        private static final int RECORDS_MAX = 10_000;

        static Logs read(JsonMembers json) throws MalformedException {
            return new Logs(json.has("maxRecords") ? (int) json.integer("maxRecords", 1, RECORDS_MAX) : RECORDS_USUAL);
        }
    }
}

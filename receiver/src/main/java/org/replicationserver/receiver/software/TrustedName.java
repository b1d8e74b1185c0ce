package org.replicationserver.receiver.software;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/**
 * What is trusted of one name, and what of it is installed. Immutable.
 *
 * <p>What was trusted last only goes forward: to go back to an older version is an operator's decision that is recorded, and does not
 * change what the next fetch must not be older than.
 *
 * @param lastVersion the highest that was installed; null where none had a version
 * @param lastSha512 of what was trusted last
 * @param formerSha512 of what was trusted before, the newest last
 * @param versions that are installed, the newest first
 * @param current index in {@code versions} of what {@code current/<name>} leads to
 * @param rollbacks the newest last
 */
public record TrustedName(
        @Nullable SoftwareVersion lastVersion,
        String lastSha512,
        List<String> formerSha512,
        List<InstalledVersion> versions,
        int current,
        List<Rollback> rollbacks) {
    /** The current version and those that can be gone back to. */
    public static final int VERSIONS_MAX = 3;

    /** Beyond it the oldest are forgotten; software without versions may then come again in them. */
    static final int FORMER_MAX = 64;

    static final int ROLLBACKS_MAX = 16;

    /**
     * An operator has gone back.
     *
     * @param from in words, as {@code to}
     */
    public record Rollback(Instant time, String from, String to) {
        public Rollback {
            Objects.requireNonNull(from);
            Objects.requireNonNull(to);
        }

        JsonObject toJson() {
            return new JsonObject()
                    .put("dateTime", time.toString())
                    .put("from", from)
                    .put("to", to);
        }
    }

    public TrustedName {
        formerSha512 = List.copyOf(formerSha512);
        versions = List.copyOf(versions);
        rollbacks = List.copyOf(rollbacks);
        boolean areHashes =
                FetchRequest.isSha512(lastSha512) && formerSha512.stream().allMatch(FetchRequest::isSha512);
        if (!areHashes || current < 0 || current >= versions.size()) {
            throw new IllegalArgumentException("current=" + current + " of " + versions.size()
                    + " versions, lastSha512=" + lastSha512 + " after " + formerSha512.size());
        }
    }

    static TrustedName first(InstalledVersion installed) {
        return new TrustedName(installed.version(), installed.sha512(), List.of(), List.of(installed), 0, List.of());
    }

    /** What is in use. */
    public InstalledVersion currentVersion() {
        return versions.get(current);
    }

    /**
     * Refuses what is older than what was trusted last. Where versions are not known, content that was replaced is older than what
     * replaced it.
     *
     * @param sha512 null where it is not known yet
     */
    void requireNotOlder(String name, @Nullable SoftwareVersion version, @Nullable String sha512)
            throws SoftwareException {
        if (lastVersion != null && version == null) {
            throw new SoftwareException(
                    Kind.VERSION_MISSING,
                    name + " is asked for without a version, and the last one that was trusted is " + lastVersion
                            + "; allowed: that version or a higher one",
                    "Give the version of the object.");
        }
        if (lastVersion != null && version != null && version.compareTo(lastVersion) < 0) {
            throw new SoftwareException(
                    Kind.VERSION_LOWER,
                    name + " " + version + " is older than " + lastVersion
                            + ", the last one that was trusted; allowed: that version or a higher one",
                    "Ask for a newer version; to use an older one that is still installed: software rollback " + name
                            + ".");
        }
        if (version != null && version.equals(lastVersion) && sha512 != null && !sha512.equals(lastSha512)) {
            throw new SoftwareException(
                    Kind.VERSION_REUSED,
                    name + " " + version + " was trusted with another content, sha512=" + shown(lastSha512)
                            + " and not " + shown(sha512),
                    "Ask whoever publishes it why one version has two contents; another content needs a higher version.");
        }
        if (version == null && sha512 != null && formerSha512.contains(sha512)) {
            throw new SoftwareException(
                    Kind.VERSION_LOWER,
                    name + " with sha512=" + shown(sha512)
                            + " was replaced by a newer one before; allowed: what was trusted last or what was never seen",
                    "Ask for the newest object; to use an older one that is still installed: software rollback " + name
                            + ".");
        }
    }

    private static String shown(String sha512) {
        return sha512.substring(0, 16) + "...";
    }

    /** The same with a version that is used from now on; those that were gone back from are given up. */
    TrustedName with(InstalledVersion installed) {
        List<InstalledVersion> kept = new ArrayList<>(List.of(installed));
        versions.stream()
                .skip(current)
                .filter(one -> !one.sha512().equals(installed.sha512()))
                .limit(VERSIONS_MAX - 1L)
                .forEach(kept::add);
        List<String> former = new ArrayList<>(formerSha512);
        if (!lastSha512.equals(installed.sha512())) {
            former.remove(lastSha512);
            former.add(lastSha512);
        }
        former.remove(installed.sha512());
        return new TrustedName(
                installed.version() == null ? lastVersion : installed.version(),
                installed.sha512(),
                newest(former, FORMER_MAX),
                kept,
                0,
                rollbacks);
    }

    /** What is installed here and is not there. */
    List<InstalledVersion> notIn(TrustedName other) {
        return versions.stream()
                .filter(one ->
                        other.versions.stream().noneMatch(its -> its.sha512().equals(one.sha512())))
                .toList();
    }

    /** The same with the version before the current one in use. */
    TrustedName rolledBack(String name, Instant time) throws SoftwareException {
        if (current + 1 == versions.size()) {
            throw new SoftwareException(
                    Kind.NOTHING_OLDER,
                    name + " " + currentVersion().words() + " is the oldest version that is installed",
                    "Fetch another version.");
        }
        List<Rollback> recorded = new ArrayList<>(rollbacks);
        recorded.add(new Rollback(
                time, currentVersion().words(), versions.get(current + 1).words()));
        return new TrustedName(
                lastVersion, lastSha512, formerSha512, versions, current + 1, newest(recorded, ROLLBACKS_MAX));
    }

    private static <T> List<T> newest(List<T> all, int max) {
        return all.subList(Math.max(0, all.size() - max), all.size());
    }

    /** @throws RuntimeException for what was never written here */
    static TrustedName read(JsonObject json) {
        return new TrustedName(
                SoftwareVersion.read(json.getString("lastVersion")),
                json.getString("lastSha512"),
                json.getJsonArray("formerSha512").stream()
                        .map(String.class::cast)
                        .toList(),
                objects(json, "versions").map(InstalledVersion::read).toList(),
                json.getInteger("current"),
                objects(json, "rollbacks")
                        .map(one -> new Rollback(
                                Instant.parse(one.getString("dateTime")), one.getString("from"), one.getString("to")))
                        .toList());
    }

    private static Stream<JsonObject> objects(JsonObject json, String name) {
        JsonArray array = json.getJsonArray(name);
        return IntStream.range(0, array.size()).mapToObj(array::getJsonObject);
    }

    JsonObject toJson() {
        JsonObject json = new JsonObject();
        if (lastVersion != null) {
            json.put("lastVersion", lastVersion.toString());
        }
        return json.put("lastSha512", lastSha512)
                .put("formerSha512", new JsonArray(formerSha512))
                .put("current", current)
                .put(
                        "versions",
                        new JsonArray(
                                versions.stream().map(InstalledVersion::toJson).toList()))
                .put(
                        "rollbacks",
                        new JsonArray(rollbacks.stream().map(Rollback::toJson).toList()));
    }
}

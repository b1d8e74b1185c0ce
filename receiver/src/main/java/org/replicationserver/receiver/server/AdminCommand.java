package org.replicationserver.receiver.server;

import io.vertx.core.http.HttpMethod;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A request on the administrator's socket, as {@link AdminSocket} lists them. Immutable. */
sealed interface AdminCommand {
    record Status() implements AdminCommand {}

    record Volumes() implements AdminCommand {}

    record Reopen(String volumeId) implements AdminCommand {}

    record AcceptAgents(String sourceServerId) implements AdminCommand {}

    /**
     * Has disks compared or sent again.
     *
     * @param volumeId null for all of the source server
     */
    record Rescan(String sourceServerId, @Nullable String volumeId) implements AdminCommand {}

    /**
     * Limits the bandwidth of a source server, or of all.
     *
     * @param sourceServerId null for all together
     */
    record Throttle(@Nullable String sourceServerId, int mbps) implements AdminCommand {}

    record Hold(String sourceServerId, int seconds, int commitTimeoutSeconds) implements AdminCommand {}

    record Release(String sourceServerId, String token) implements AdminCommand {}

    /** The forms of paths. */
    final class Paths {
        private static final String SOURCE = "/sources/([A-Za-z0-9._-]{1,128})";
        private static final String NUMBER = "/([0-9]{1,5})";
        private static final Pattern REOPEN = Pattern.compile("/volumes/([A-Za-z0-9._-]{1,128})/reopen");
        private static final Pattern ACCEPT = Pattern.compile(SOURCE + "/accept-agents");
        private static final Pattern RESCAN = Pattern.compile(SOURCE + "/rescan(?:/([A-Za-z0-9._-]{1,128}))?");
        private static final Pattern THROTTLE = Pattern.compile("(?:" + SOURCE + ")?/throttle" + NUMBER);
        private static final Pattern HOLD = Pattern.compile(SOURCE + "/hold" + NUMBER + NUMBER);
        private static final Pattern RELEASE = Pattern.compile(SOURCE + "/release/([0-9a-f]{32})");

        private Paths() {}
    }

    /** What is asked for; null if it is no command. */
    static @Nullable AdminCommand of(HttpMethod method, String path) {
        if (HttpMethod.GET.equals(method)) {
            return switch (path) {
                case "/status" -> new Status();
                case "/volumes" -> new Volumes();
                default -> null;
            };
        }
        return HttpMethod.POST.equals(method) ? posted(path) : null;
    }

    private static @Nullable AdminCommand posted(String path) {
        Matcher reopen = Paths.REOPEN.matcher(path);
        if (reopen.matches()) {
            return new Reopen(reopen.group(1));
        }
        Matcher accept = Paths.ACCEPT.matcher(path);
        if (accept.matches()) {
            return new AcceptAgents(accept.group(1));
        }
        Matcher rescan = Paths.RESCAN.matcher(path);
        if (rescan.matches()) {
            return new Rescan(rescan.group(1), rescan.group(2));
        }
        Matcher throttle = Paths.THROTTLE.matcher(path);
        if (throttle.matches()) {
            return new Throttle(throttle.group(1), Integer.parseInt(throttle.group(2)));
        }
        Matcher hold = Paths.HOLD.matcher(path);
        if (hold.matches()) {
            return new Hold(hold.group(1), Integer.parseInt(hold.group(2)), Integer.parseInt(hold.group(3)));
        }
        Matcher release = Paths.RELEASE.matcher(path);
        return release.matches() ? new Release(release.group(1), release.group(2)) : null;
    }
}

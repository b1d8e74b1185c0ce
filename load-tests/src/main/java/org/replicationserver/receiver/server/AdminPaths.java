package org.replicationserver.receiver.server;

import io.vertx.core.http.HttpMethod;
import java.nio.charset.StandardCharsets;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.receiver.config.IdForm;

/**
 * Requests on the administrator's socket. An odd first byte of an input is a POST, another one a GET; the rest is the path.
 *
 * <p>Rules: whatever the path, it is a command or none; a command names what can be an id, and its numbers are those of the path.
 */
public final class AdminPaths implements FuzzTarget {
    private static final int NUMBER_MAX = 99_999;

    @Override
    public void run(byte[] input) {
        if (input.length == 0) {
            return;
        }
        String path = new String(input, 1, input.length - 1, StandardCharsets.ISO_8859_1);
        HttpMethod method = input[0] % 2 == 0 ? HttpMethod.GET : HttpMethod.POST;
        AdminCommand command = AdminCommand.of(method, path);
        if (command != null) {
            Rules.require(
                    HttpMethod.POST.equals(method)
                            || command instanceof AdminCommand.Status
                            || command instanceof AdminCommand.Volumes,
                    "what is got changes nothing");
            requireSound(command, path);
        }
    }

    private static void requireSound(AdminCommand command, String path) {
        switch (command) {
            case AdminCommand.Status _ -> Rules.requireSame("/status", path, "one path is that of the status");
            case AdminCommand.Volumes _ -> Rules.requireSame("/volumes", path, "one path is that of the volumes");
            case AdminCommand.Reopen reopen ->
                requirePath(path, "/volumes/" + id(IdForm.VOLUME, reopen.volumeId()) + "/reopen");
            case AdminCommand.AcceptAgents accept ->
                requirePath(path, "/sources/" + source(accept.sourceServerId()) + "/accept-agents");
            case AdminCommand.Rescan rescan -> {
                String id = rescan.volumeId();
                requirePath(
                        path,
                        "/sources/" + source(rescan.sourceServerId()) + "/rescan"
                                + (id == null ? "" : "/" + id(IdForm.VOLUME, id)));
            }
            case AdminCommand.Throttle throttle -> {
                String id = throttle.sourceServerId();
                requirePath(
                        path, (id == null ? "" : "/sources/" + source(id)) + "/throttle/" + number(throttle.mbps()));
            }
            case AdminCommand.Hold hold ->
                requirePath(
                        path,
                        "/sources/" + source(hold.sourceServerId()) + "/hold/" + number(hold.seconds()) + "/"
                                + number(hold.commitTimeoutSeconds()));
            case AdminCommand.Release release -> {
                Rules.require(release.token().matches("[0-9a-f]{32}"), "a token has its form");
                requirePath(path, "/sources/" + source(release.sourceServerId()) + "/release/" + release.token());
            }
        }
    }

    private static String source(String id) {
        return id(IdForm.SOURCE_SERVER, id);
    }

    private static String id(IdForm form, String id) {
        Rules.require(form.matches(id), "an id of a command is one: " + id);
        return id;
    }

    private static int number(int value) {
        Rules.require(value >= 0 && value <= NUMBER_MAX, "a number has at most 5 digits");
        return value;
    }

    /** But for zeros before a number. */
    private static void requirePath(String path, String told) {
        String zeros = "/0+(?=[0-9]+(/|$))";
        Rules.requireSame(told.replaceAll(zeros, "/"), path.replaceAll(zeros, "/"), "a command is what its path says");
    }
}

package org.replicationserver.demo;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import org.replicationserver.controlplane.CommandView;
import org.replicationserver.controlplane.ContractViolation;
import org.replicationserver.controlplane.ControlPlaneSimulator;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.Irregularity;
import org.replicationserver.controlplane.ReplicationServerView;
import org.replicationserver.controlplane.StateChange;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;

/**
 * What a control plane was told in the course of a migration, and whether anything of it was not as it must be. Immutable.
 *
 * @param irregularities what is wrong in the order of reports
 * @param violations what is not as the control API says, of requests and of answers
 */
record Account(
        List<String> states,
        List<String> commands,
        long reports,
        List<String> irregularities,
        List<String> violations) {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("HH:mm:ss.S").withZone(ZoneOffset.UTC);

    static Account of(ControlPlaneSimulator simulator) {
        Fleet fleet = simulator.fleet();
        List<String> states = fleet.sourceServer(LocalServer.SOURCE_SERVER).stateChanges().stream()
                .map(Account::text)
                .toList();
        List<String> commands = fleet.replicationServers().stream()
                .map(ReplicationServerView::replicationServerId)
                .flatMap(server -> inOrder(fleet.commands(server)).stream())
                .map(Account::text)
                .toList();
        List<String> irregularities =
                fleet.irregularities().stream().map(Account::text).toList();
        List<String> violations =
                simulator.violations().stream().map(ContractViolation::toString).toList();
        return new Account(states, commands, fleet.messagesTotal(), irregularities, violations);
    }

    private static String text(StateChange change) {
        return time(change.observedAt()) + " " + change.replicationServerId() + ": " + change.previousState() + " to "
                + change.state();
    }

    /** Those that were answered, as they were, then the others. */
    private static List<CommandView> inOrder(List<CommandView> views) {
        List<CommandView> answered = new ArrayList<>(views);
        List<CommandView> open =
                views.stream().filter(view -> view.result() == null).toList();
        answered.removeAll(open);
        answered.addAll(open);
        return answered;
    }

    private static String text(CommandView command) {
        return command.replicationServerId() + ": " + command.command().getString("type") + " "
                + (command.result() == null ? "has no result" : command.status());
    }

    private static String text(Irregularity irregularity) {
        return irregularity.replicationServerId() + " " + irregularity.kind() + ": " + irregularity.text();
    }

    private static String time(Instant instant) {
        return TIME.format(instant);
    }

    void print(Transcript transcript) {
        rows(transcript, "states told, UTC", states);
        rows(transcript, "commands", commands);
        transcript.row("reports taken", Long.toString(reports));
        rows(transcript, "irregularities", irregularities);
        rows(transcript, "violations of the contract", violations);
    }

    private static void rows(Transcript transcript, String name, List<String> values) {
        List<String> lines = values.isEmpty() ? List.of("none") : values;
        for (int i = 0; i < lines.size(); i++) {
            transcript.row(i == 0 ? name : "", lines.get(i));
        }
    }

    /** Fails if there is an irregularity or a violation. */
    void requireRegular() throws RunException {
        if (!irregularities.isEmpty()) {
            throw new RunException(sentence("the control plane was told something irregular by ", irregularities));
        }
        if (!violations.isEmpty()) {
            throw new RunException(sentence("something was not as the control API says: ", violations));
        }
    }

    private static String sentence(String what, List<String> found) {
        int more = found.size() - 1;
        return what + found.getFirst() + (more == 0 ? "" : "; and " + more + " more");
    }
}

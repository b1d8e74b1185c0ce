package org.replicationserver.receiver.config;

import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * The form of an id, or of a name that becomes part of others. Immutable, any thread.
 *
 * @param allowed the form in words
 */
public record IdForm(Pattern pattern, String allowed) {
    /** Of a replication server: 64 characters at most, the longest name that a certificate holds. */
    public static final IdForm SERVER = ofChars(64);

    /** Of a source server, as the protocol has it. */
    public static final IdForm SOURCE_SERVER = ofChars(128);

    public static final IdForm VOLUME = ofChars(128);

    /** Of a region: it becomes part of names of hosts and of buckets, and fits into their longest. */
    public static final IdForm REGION = new IdForm(
            Pattern.compile("[a-z]{2,5}(?:-[a-z]{2,9}){1,2}-[1-9][0-9]?"), "the name of a region, as us-east-1");

    private static IdForm ofChars(int max) {
        return new IdForm(Pattern.compile("[A-Za-z0-9._-]{1," + max + "}"), "1 to " + max + " of A-Z a-z 0-9 . _ -");
    }

    public boolean matches(String id) {
        return pattern.matcher(id).matches();
    }

    /** Refuses an id of another form as a mistake of the command line. */
    public void require(String id, CommandSpec command, String label) {
        if (!matches(id)) {
            String mistake = label + "=" + Mistakes.display(id) + "; allowed: " + allowed;
            throw new ParameterException(command.commandLine(), mistake);
        }
    }
}

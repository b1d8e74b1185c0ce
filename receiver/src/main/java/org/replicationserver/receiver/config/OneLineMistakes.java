package org.replicationserver.receiver.config;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Tells a wrong command line in one line, with the nearest known word, instead of a page of usage. */
public final class OneLineMistakes implements IParameterExceptionHandler {
    @Override
    public int handleParseException(ParameterException mistake, String[] args) {
        CommandLine command = mistake.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        String what = Mistakes.displayLine(String.valueOf(mistake.getMessage()));
        command.getErr().println(name + ": " + what + nearest(mistake, command) + "; help: " + name + " --help");
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    private static String nearest(ParameterException mistake, CommandLine command) {
        if (!(mistake instanceof UnmatchedArgumentException unmatched)
                || unmatched.getUnmatched().isEmpty()) {
            return "";
        }
        String word = unmatched.getUnmatched().getFirst();
        List<String> known =
                new ArrayList<>(command.getCommandSpec().optionsMap().keySet());
        if (!word.startsWith("-")) {
            known = new ArrayList<>(command.getSubcommands().keySet());
        }
        return known.isEmpty() ? "" : "; nearest known: " + Nearest.to(word, known);
    }
}

package org.replicationserver.receiver.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Tells a wrong command line in one line, with the nearest known word, instead of a page of usage. */
public final class OneLineMistakes implements IParameterExceptionHandler {
    private static final Set<Class<?>> WHOLE = Set.of(int.class, Integer.class, long.class, Long.class);
    private static final Set<Class<?>> FRACTIONS = Set.of(double.class, Double.class);
    private static final Pattern DIGITS_FIRST = Pattern.compile("([0-9]+).*", Pattern.DOTALL);

    @Override
    public int handleParseException(ParameterException mistake, String[] args) {
        CommandLine command = mistake.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        String number = wrongNumber(mistake);
        String what = Mistakes.displayLine(number == null ? String.valueOf(mistake.getMessage()) : number);
        command.getErr().println(name + ": " + what + known(mistake, command) + "; help: " + name + " --help");
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    /** The nearest word, and all where these are the commands of a group. */
    private static String known(ParameterException mistake, CommandLine command) {
        Set<String> commands = new TreeSet<>(command.getSubcommands().keySet());
        String all = commands.isEmpty() ? "" : "; known: " + String.join(", ", commands);
        if (!(mistake instanceof UnmatchedArgumentException unmatched)
                || unmatched.getUnmatched().isEmpty()) {
            return all;
        }
        String word = unmatched.getUnmatched().getFirst();
        if (word.startsWith("-")) {
            List<String> options =
                    new ArrayList<>(command.getCommandSpec().optionsMap().keySet());
            return options.isEmpty() ? "" : nearest(word, options);
        }
        return commands.isEmpty() ? "" : nearest(word, List.copyOf(commands)) + all;
    }

    private static String nearest(String word, List<String> known) {
        return "; nearest known: " + Nearest.to(word, known);
    }

    /** What is no number where one is wanted, with the numbers that are allowed; null if the mistake is another. */
    private static @Nullable String wrongNumber(ParameterException mistake) {
        ArgSpec argument = mistake.getArgSpec();
        String value = mistake.getValue();
        if (argument == null || value == null || !(mistake.getCause() instanceof TypeConversionException)) {
            return null;
        }
        boolean whole = WHOLE.contains(argument.type());
        if (argument.converters().length > 0 || (!whole && !FRACTIONS.contains(argument.type()))) {
            return null;
        }
        String name = argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
        Matcher digits = DIGITS_FIRST.matcher(value);
        return name + "=" + Mistakes.display(value) + "; allowed: " + (whole ? "a whole number" : "a number")
                + " without a unit" + (digits.matches() ? ", for example " + digits.group(1) : "") + ". "
                + String.join(" ", argument.description())
                        .replaceFirst("\\.? Default: .*", "")
                        .replaceFirst("\\.$", "");
    }
}

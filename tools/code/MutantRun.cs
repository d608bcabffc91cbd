using System.Diagnostics;

namespace AdaptFormer.Tools.Code;

/// <summary>Plants faults in folders, one at a time, and lists those that no test notices.</summary>
internal static class MutantRun
{
    // Asked in turns: most faults end with the first two classes. What outlives the nearest classes is said to live: to ask all that pass by an inner
    // loop would be to run the whole suite for it.
    private static readonly int[] Turns = [2, 6, 16, 32];
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3), TracePatience = TimeSpan.FromHours(1);

    public static int Run(string[] args)
    {
        string[] folders = [.. args.TakeWhile(IsWord)];
        if (folders.Length == 0) return Usage();
        string[] skipped = Words(args, "--skip"), only = Words(args, "--only");
        int seed = Option(args, "--seed", 1);
        string root = SourceTree.RepositoryRoot();
        MutantBuild build = MutantBuild.Of(root);
        foreach (string folder in folders)
        {
            string[] parts = folder.Split(':');
            build.Plant(root, parts[0].TrimEnd('/'), parts.Length > 1 ? int.Parse(parts[1]) : 30, seed);
        }

        Console.WriteLine($"{build.Sites.Count} faults; one pass of the tests without any, to see who passes by which");
        ILookup<int, string> passers = Passers(build.Folder, skipped, out HashSet<string> unsound);
        Dictionary<string, int> width = passers.SelectMany(classes => classes).CountBy(name => name).ToDictionary();
        TestClasses tests = new(root);
        (int Index, MutationSite Site)[] planted =
            [.. build.Sites.Index().Where(pair => only.Length == 0 || only.Any(text => pair.Item.Describe().Contains(text, StringComparison.Ordinal)))];
        string?[] living = new string?[build.Sites.Count];
        Parallel.ForEach(planted, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, fault =>
        {
            (int id, MutationSite site) = (fault.Index + 1, fault.Site);
            string[] likely, beside;
            lock (tests)
            {
                likely = [.. tests.For(site.Node.SyntaxTree, most: 12)];
                beside = site.RunsOnce ? [.. tests.Beside(site.Node.SyntaxTree).Except(unsound).Except(skipped)] : [];
            }

            // The likeliest first: those that have to do with the file, then those that pass by few faults.
            string[] asked = [.. passers[id].Union(beside)
                .OrderBy(name => Array.IndexOf(likely, name) is >= 0 and int place ? place : likely.Length).ThenBy(name => width.GetValueOrDefault(name))];
            string? killer = Killer(build.Folder, asked, id);
            string fate = killer is not null ? $"killed by {killer}" : asked.Length == 0 ? "LIVES, never reached" : $"LIVES, asked {Math.Min(asked.Length, Turns.Sum())} of {asked.Length}";
            if (killer is null) living[fault.Index] = $"{fate}: {site.Describe()}";
            Console.WriteLine($"{id}/{build.Sites.Count} {fate}: {site.Describe()}");
        });

        Console.WriteLine();
        string[] left = [.. living.OfType<string>()];
        Console.WriteLine($"{planted.Length - left.Length} of {planted.Length} killed; these live:");
        foreach (string site in left) Console.WriteLine("  " + site);
        foreach (string test in unsound) Console.WriteLine($"  ({test} fails without a fault and was not asked)");
        Directory.Delete(Path.GetDirectoryName(build.Folder)!, recursive: true);
        return 0;
    }

    // The test classes that pass by each fault, none of them being there. Classes that fail even so are not asked.
    private static ILookup<int, string> Passers(string folder, string[] skipped, out HashSet<string> unsound)
    {
        string passed = Path.Combine(folder, "passed.txt");
        Run(folder, [.. skipped.SelectMany(name => new[] { "-class-", name })], mutant: 0, passed, TracePatience, out string output);
        HashSet<string> failing = [.. output.Split('\n').Where(line => line.Contains("[FAIL]", StringComparison.Ordinal))
            .Select(line => line.Trim().Split('(', ' ')[0]).Select(method => method[..Math.Max(0, method.LastIndexOf('.'))])];
        unsound = failing;
        return File.ReadAllLines(passed).Select(line => line.Split(' ')).Where(pair => pair[0] != "-" && !failing.Contains(pair[0]))
            .Distinct().ToLookup(pair => int.Parse(pair[1]), pair => pair[0]);
    }

    // The first test that fails, by its class and name; null if none does. A run that does not end, or breaks down, is a fault that was noticed.
    private static string? Killer(string folder, string[] asked, int mutant)
    {
        int from = 0;
        foreach (int turn in Turns)
        {
            string[] classes = asked[from..Math.Min(asked.Length, from + turn)];
            if (classes.Length == 0) return null;
            from += classes.Length;
            int? code = Run(folder, [.. classes.SelectMany(name => new[] { "-class", name }), "-stopOnFail"], mutant, passed: null, Patience, out string output);
            if (code == 0) continue;
            if (code is null) return $"time, in {ShortName(classes[0])}";
            string? failed = output.Split('\n').FirstOrDefault(line => line.Contains("[FAIL]", StringComparison.Ordinal))?.Trim();
            return failed?.Split("(", 2)[0].Split(" [", 2)[0] is { } name ? string.Join('.', name.Split('.')[^2..]) : $"a breakdown of {ShortName(classes[0])}";
        }

        return null;
    }

    // The exit code; null if the run did not end.
    private static int? Run(string folder, string[] arguments, int mutant, string? passed, TimeSpan patience, out string output)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(folder, "AdaptFormer.Tests.dll"), .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ADAPTFORMER_MUTANT"] = $"{mutant}";
        start.Environment["ADAPTFORMER_MUTANTS_PASSED"] = passed;
        start.Environment["NO_COLOR"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> text = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(patience);
        if (!ended) process.Kill(entireProcessTree: true);
        output = ended ? text.Result : "";
        return ended ? process.ExitCode : null;
    }

    private static string ShortName(string test) => test[(test.LastIndexOf('.') + 1)..];

    private static string[] Words(string[] args, string name) => [.. args.SkipWhile(word => word != name).Skip(1).TakeWhile(IsWord)];

    private static bool IsWord(string argument) => !argument.StartsWith("--", StringComparison.Ordinal);

    private static int Option(string[] args, string name, int otherwise)
    {
        int at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length && int.TryParse(args[at + 1], out int value) ? value : otherwise;
    }

    private static int Usage()
    {
        Console.Error.WriteLine(
            "mutants FOLDER[:COUNT]... [--seed 1] [--only TEXT...] [--skip TESTCLASS...]: FOLDER is one of src, such as src/AdaptFormer.Training/Metrics, one a project, with 30 faults "
            + "unless COUNT says otherwise; --only asks those alone whose line, as it is printed, holds one of the texts, such as Adam.cs:29; --skip names test classes that are not asked, such as those that start programs.");
        return 2;
    }
}

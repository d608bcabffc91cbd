using System.Diagnostics;

namespace AdaptFormer.Tools.Code;

/// <summary>Plants faults in a folder, one at a time, and lists those that no test notices.</summary>
internal static class MutantRun
{
    private const int Likeliest = 2, Unsound = -1;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    public static int Run(string[] args)
    {
        if (args.Length == 0) return Usage();
        int count = Option(args, "--count", 30), seed = Option(args, "--seed", 1), classes = Option(args, "--classes", 8);
        string[] always = [.. args.SkipWhile(word => word != "--also").Skip(1).TakeWhile(word => !word.StartsWith("--", StringComparison.Ordinal))];
        string root = SourceTree.RepositoryRoot();
        MutantBuild build = MutantBuild.Make(root, args[0].TrimEnd('/'), count, seed);
        TestClasses tests = new(root);
        Dictionary<string, HashSet<int>> reached = [];
        int killed = 0;
        List<string> living = [];
        for (int id = 1; id <= build.Sites.Count; id++)
        {
            // Only who passes by the fault can notice it. The likeliest are asked alone, since most faults end there.
            MutationSite site = build.Sites[id - 1];
            string[] asked = [.. tests.For(site.Node.SyntaxTree, classes).Concat(always).Distinct().Where(test => Reached(test).Contains(id))];
            string? killer = Killer(build.Folder, asked[..Math.Min(Likeliest, asked.Length)], id)
                ?? Killer(build.Folder, asked[Math.Min(Likeliest, asked.Length)..], id);
            string fate = killer is not null ? $"killed by {killer}" : asked.Length == 0 ? "LIVES, never reached" : "LIVES";
            if (killer is null) living.Add(site.Describe());
            else killed++;
            Console.WriteLine($"{id}/{build.Sites.Count} {fate}: {site.Describe()}");
        }

        HashSet<int> Reached(string test) => reached.TryGetValue(test, out HashSet<int>? ids) ? ids : reached[test] = Pass(build.Folder, test);

        Console.WriteLine();
        Console.WriteLine($"{args[0]}: {killed} of {build.Sites.Count} killed; these live:");
        foreach (string site in living) Console.WriteLine("  " + site);
        foreach (string test in reached.Where(pair => pair.Value.Contains(Unsound)).Select(pair => pair.Key))
            Console.WriteLine($"  ({test} fails without a fault and was not asked)");
        Directory.Delete(Path.GetDirectoryName(build.Folder)!, recursive: true);
        return 0;
    }

    // The faults that a test class passes by, none of them being there; of one that fails even so, nothing but that.
    private static HashSet<int> Pass(string folder, string test)
    {
        string seen = Path.Combine(folder, "seen.txt");
        File.Delete(seen);
        if (Run(folder, [test], mutant: 0, seen, out _) != 0) return [Unsound];
        return File.Exists(seen) ? [.. File.ReadAllLines(seen).Select(int.Parse)] : [];
    }

    // The first test that fails, by its class and name; null if none does. A run that does not end, or breaks down, is a fault that was noticed.
    private static string? Killer(string folder, string[] tests, int mutant)
    {
        if (tests.Length == 0) return null;
        int? code = Run(folder, tests, mutant, seen: null, out string output);
        if (code == 0) return null;
        if (code is null) return $"time, in {ShortName(tests[0])}";
        string? failed = output.Split('\n').FirstOrDefault(line => line.Contains("[FAIL]", StringComparison.Ordinal))?.Trim();
        return failed?.Split("(", 2)[0].Split(" [", 2)[0] is { } name ? string.Join('.', name.Split('.')[^2..]) : $"a breakdown of {ShortName(tests[0])}";
    }

    // The exit code; null if the run did not end.
    private static int? Run(string folder, string[] tests, int mutant, string? seen, out string output)
    {
        string[] classes = [.. tests.SelectMany(test => new[] { "-class", test })];
        ProcessStartInfo start = new("dotnet", [Path.Combine(folder, "AdaptFormer.Tests.dll"), .. classes, "-stopOnFail"])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ADAPTFORMER_MUTANT"] = $"{mutant}";
        start.Environment["ADAPTFORMER_MUTANTS_SEEN"] = seen;
        start.Environment["NO_COLOR"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> text = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(Patience);
        if (!ended) process.Kill(entireProcessTree: true);
        output = ended ? text.Result : "";
        return ended ? process.ExitCode : null;
    }

    private static string ShortName(string test) => test[(test.LastIndexOf('.') + 1)..];

    private static int Option(string[] args, string name, int otherwise)
    {
        int at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length && int.TryParse(args[at + 1], out int value) ? value : otherwise;
    }

    private static int Usage()
    {
        Console.Error.WriteLine(
            "mutants FOLDER [--count 30] [--seed 1] [--classes 8] [--also TESTCLASS...]: FOLDER is one of src, such as src/AdaptFormer.Training/Metrics; "
            + "--classes is how many test classes are asked about a fault, --also names some that are asked about each.");
        return 2;
    }
}

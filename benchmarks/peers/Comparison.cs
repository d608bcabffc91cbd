using System.Diagnostics;
using System.Globalization;
using System.IO.Enumeration;
using System.Text.Json.Nodes;

namespace AdaptFormer.Peers;

/// <summary>Measures peers and ours in turns, A B A B, each in a process of its own; writes one JSON line for each process.</summary>
internal sealed class Comparison
{
    // Settings of LibTorch this far behind its best one in the first turn are out: the table is about its best.
    private const double Behind = 0.93;
    private const int TimeLimitSeconds = 240;
    private readonly Options _options;
    private readonly string _self, _program, _root, _models;

    private Comparison(Options options)
    {
        (_options, _self) = (options, Environment.ProcessPath!);
        (_program, _root, _models) = (options.Text("program"), options.Text("root", ""), options.Text("models"));
    }

    /// <summary>Measures the cases that match <c>--cases</c>, and adds to the file of <c>--output</c>.</summary>
    public static int Run(Options options)
    {
        string[] patterns = options.Text("cases", "*").Split(',');
        Case[] cases = [.. Case.All.Where(c => patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, c.Name)))];
        if (cases.Length == 0)
            throw new ArgumentException($"no case is called {options.Text("cases")}; known: {string.Join(", ", Case.All.Select(c => c.Name))}.");
        Comparison comparison = new(options);
        string output = options.Text("output", "peers.jsonl");
        foreach (Case work in cases) comparison.Measure(work, options.Count("turns", 3), line => File.AppendAllText(output, line + "\n"));
        return ResultTable.Print([output]);
    }

    private void Measure(Case work, int turns, Action<string> write)
    {
        List<string> peers = [.. work.Peers];
        for (int turn = 0; turn < turns; turn++)
        {
            Dictionary<string, double> rates = [];
            foreach (string who in (string[])[.. peers, Case.Ours + work.Precision])
            {
                JsonObject record = new() { ["case"] = work.Name, ["turn"] = turn, ["who"] = who };
                try
                {
                    JsonObject result = Process(Command(work, who));
                    rates[who] = (double)(result["images_per_s"] ?? result[$"{work.Mode}_images_per_s"])!;
                    record["images_per_s"] = rates[who];
                    record["peak_mb"] = Math.Round((long)result["peak_rss_bytes"]! / 1e6);
                    if (result[work.Mode == "train" ? "share_of_matmul_limit" : "predict_share_of_matmul_limit"] is { } share)
                        (record["share"], record["limit"]) = (Math.Round((double)share, 3), Math.Round((double)result["matmul_gflops"]!));
                }
                catch (InvalidOperationException error)
                {
                    record["error"] = error.Message;
                }

                Console.Error.WriteLine($"{work.Name}, turn {turn + 1} of {turns}, {who}: {record["images_per_s"] ?? record["error"]}");
                write(record.ToJsonString());
            }

            double best = rates.Where(r => r.Key.StartsWith(Case.Torch, StringComparison.Ordinal)).Select(r => r.Value).DefaultIfEmpty(0).Max();
            if (turn == 0)
                peers.RemoveAll(who => who.StartsWith(Case.Torch, StringComparison.Ordinal) && rates.GetValueOrDefault(who) < Behind * best);
        }
    }

    private string[] Command(Case work, string who)
    {
        string batch = work.Batch.ToString(CultureInfo.InvariantCulture), seconds = _options.Text("seconds", "4");
        if (who.StartsWith(Case.Torch, StringComparison.Ordinal))
        {
            string[] peer = ["torch", "--setting", who[Case.Torch.Length..], "--model", work.Model, "--method", work.Method, "--mode",
                work.Mode, "--batch", batch, "--seconds", seconds];
            if (_root == "none") throw new InvalidOperationException("left out: there is no system here that it loads on");
            return _root.Length == 0 ? [_self, .. peer]
                : ["bash", Path.Combine(_options.Text("scripts"), "in-root.sh"), _root, AppContext.BaseDirectory, .. peer];
        }

        if (who.StartsWith(Case.Onnx, StringComparison.Ordinal))
            return [_self, "onnx", "--file", Path.Combine(_models, $"{work.Model}-{who[Case.Onnx.Length..]}.onnx"), "--model", work.Model,
                "--batch", batch, "--seconds", seconds];
        string[] ours = ["bench", "--model", work.Model, "--method", work.Method, "--modes", work.Mode, "--batch", batch, "--precision",
            who[Case.Ours.Length..], "--seconds", seconds, "--json"];
        return _program.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", _program, .. ours] : [_program, .. ours];
    }

    /// <summary>The last line of JSON that a process prints.</summary>
    /// <exception cref="InvalidOperationException">It failed, took too long, or printed none.</exception>
    private JsonObject Process(string[] command)
    {
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        // Some environments pin a slow setting of BLAS or OpenMP; nobody is to be measured with one.
        foreach (string name in start.Environment.Keys.Where(key => key.StartsWith("OMP_", StringComparison.Ordinal)
            || key.StartsWith("MKL_", StringComparison.Ordinal) || key.StartsWith("KMP_", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name);
        // glibc gives the memory of every large tensor back and takes it anew, page by page: LibTorch predicts 1.4 times as fast
        // where it keeps it. --as-installed leaves it as it comes.
        if (!_options.Has("as-installed"))
            (start.Environment["MALLOC_MMAP_THRESHOLD_"], start.Environment["MALLOC_TRIM_THRESHOLD_"], start.Environment["MALLOC_TOP_PAD_"]) =
                ("8589934592", "17179869184", "67108864");
        using Process process = System.Diagnostics.Process.Start(start)!;
        Task<string> said = process.StandardOutput.ReadToEndAsync(), complained = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(TimeLimitSeconds)))
        {
            process.Kill(entireProcessTree: true);
            throw new InvalidOperationException($"stopped after {TimeLimitSeconds} s");
        }

        string? line = said.Result.Split('\n').LastOrDefault(text => text.StartsWith('{'));
        if (process.ExitCode == 0 && line is not null) return JsonNode.Parse(line)!.AsObject();
        string? reason = complained.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        throw new InvalidOperationException($"exit code {process.ExitCode}: {reason ?? "no line of JSON"}");
    }
}

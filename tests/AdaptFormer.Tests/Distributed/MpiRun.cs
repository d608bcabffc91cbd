using System.Diagnostics;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Files;
using Xunit;

namespace AdaptFormer.Tests.Distributed;

/// <summary>Starts the built program by an MPI launcher, as a user does.</summary>
internal static class MpiRun
{
    public const string OpenMpi = "Open MPI", Mpich = "MPICH";

    private static readonly Lazy<TestFolder> Scratch = new(() =>
    {
        TestFolder folder = new();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        return folder;
    });

    private static int _calls;

    private static readonly Dictionary<string, string?> Launchers = new()
    {
        [OpenMpi] = Find(["mpirun.openmpi", "mpirun"], "Open MPI", "Open RTE"),
        [Mpich] = Find(["mpirun.mpich", "mpiexec.hydra", "mpiexec"], "HYDRA", "MPICH"),
    };

    /// <summary>What a call of Open MPI is given: tests may run as root, and beside another call, which removes a folder that both would
    /// use when it ends.</summary>
    public static Dictionary<string, string> OfOpenMpi => new()
    {
        ["OMPI_ALLOW_RUN_AS_ROOT"] = "1",
        ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1",
        ["OMPI_MCA_orte_tmpdir_base"] = Directory.CreateDirectory(Scratch.Value.PathOf($"{Interlocked.Increment(ref _calls)}")).FullName,
    };

    /// <summary>Whether every cell of a table runs, and not only the small ones.</summary>
    public static bool All => Environment.GetEnvironmentVariable("ADAPTFORMER_MPI_CELLS") == "all";

    /// <summary>Skips the test where a launcher is not installed.</summary>
    public static void SkipUnless(string family) => Assert.SkipWhen(Launchers[family] is null, $"There is no launcher of {family} (Debian: openmpi-bin, mpich).");

    /// <summary>Starts several processes.</summary>
    /// <param name="family">Whose launcher.</param>
    /// <param name="ranks">How many.</param>
    /// <param name="arguments">The program's.</param>
    /// <param name="environment">Further environment variables.</param>
    public static Process Start(string family, int ranks, IEnumerable<string> arguments, Dictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(Launchers[family]!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment ?? []) start.Environment[name] = value;
        if (family == OpenMpi)
        {
            foreach ((string name, string value) in OfOpenMpi) start.Environment[name] = value;
            start.ArgumentList.Add("--oversubscribe");
        }

        foreach (string argument in (string[])["-n", $"{ranks}", "dotnet", Path.Combine(AppContext.BaseDirectory, "adaptformer.dll"), .. arguments]) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Starts several processes and waits for their end.</summary>
    public static async Task<CliOutcome> Run(string family, int ranks, IEnumerable<string> arguments, Dictionary<string, string>? environment = null)
    {
        using Process process = Start(family, ranks, arguments, environment);
        return await CliProgram.Finish(process);
    }

    private static string? Find(string[] names, params string[] marks)
    {
        if (OperatingSystem.IsWindows()) return null;
        foreach (string name in names)
        {
            try
            {
                ProcessStartInfo start = new(name, "--version") { RedirectStandardOutput = true, RedirectStandardError = true };
                using Process process = Process.Start(start)!;
                string version = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                if (marks.Any(mark => version.Contains(mark, StringComparison.Ordinal))) return name;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // not installed
            }
        }

        return null;
    }
}

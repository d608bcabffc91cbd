using System.Globalization;

namespace AdaptFormer.Distributed;

/// <summary>Whose launcher started this process.</summary>
public enum MpiFamily
{
    /// <summary>Open MPI's <c>mpirun</c>, or Slurm by PMIx.</summary>
    OpenMpi,

    /// <summary>MPICH's <c>mpiexec</c>, or that of a library with its interface (Intel MPI, MVAPICH, Cray, MS-MPI).</summary>
    Mpich,
}

/// <summary>How this process was started together with others, as its environment tells before any library is loaded.</summary>
/// <param name="Family">Whose interface the launcher speaks.</param>
/// <param name="Rank">This process.</param>
/// <param name="Size">Number of processes, at least 2.</param>
public sealed record Launch(MpiFamily Family, int Rank, int Size)
{
    // Set by srun for its tasks alone: SLURM_NTASKS stands in the script around them too.
    private const string Steps = "SLURM_STEP_NUM_TASKS";

    /// <summary>Reads the environment of this process.</summary>
    /// <param name="command">The call of this process, for messages: <c>adaptformer train …</c>.</param>
    /// <exception cref="ArgumentException">A launcher that speaks no MPI started several processes; the message has the right
    /// command.</exception>
    public static Launch? Current(string command) => Of(Environment.GetEnvironmentVariable, command);

    /// <summary>Reads an environment.</summary>
    /// <param name="variable">The value of a variable; null if it is not set.</param>
    /// <param name="command">The call, for messages.</param>
    /// <returns>Null for one process.</returns>
    /// <exception cref="ArgumentException">A launcher that speaks no MPI started several processes.</exception>
    public static Launch? Of(Func<string, string?> variable, string command)
    {
        if (OfMpi(variable) is { } launch) return launch;
        if (Number(variable, Steps) is > 1 and var tasks && Number(variable, "SLURM_PROCID") is not null
            && Number(variable, "PMIX_RANK") is null && Number(variable, "PMI_RANK") is null)
        {
            throw new ArgumentException(
                $"srun started {tasks} processes without MPI, so each would train alone; start them with srun --mpi=pmix -n {tasks} "
                + command);
        }

        if (Number(variable, "WORLD_SIZE") is > 1 and var world && Number(variable, "RANK") is not null
            && variable("MASTER_ADDR") is not null)
        {
            throw new ArgumentException(
                $"torchrun (or a launcher like it) started {world} processes, and AdaptFormer's speak MPI; start them with "
                + $"mpirun -n {world} {command}");
        }

        return null;
    }

    /// <summary>As <see cref="Of"/>, for launchers that speak MPI; others are not looked for.</summary>
    public static Launch? OfMpi(Func<string, string?> variable)
    {
        if (Number(variable, "OMPI_COMM_WORLD_SIZE") is { } open) return At(MpiFamily.OpenMpi, "OMPI_COMM_WORLD_RANK", open);
        if (Number(variable, "PMI_SIZE") is { } pmi) return At(MpiFamily.Mpich, "PMI_RANK", pmi);
        return Number(variable, "PMIX_RANK") is not null
            ? At(MpiFamily.OpenMpi, "PMIX_RANK", Number(variable, Steps) ?? Number(variable, "SLURM_NTASKS") ?? 1)
            : null;

        Launch? At(MpiFamily family, string rank, int size) => size > 1 ? new Launch(family, Number(variable, rank) ?? 0, size) : null;
    }

    /// <summary>Which of the processes on its machine this one is, from 0, as Open MPI, MPICH or Slurm tell it; null for one
    /// process.</summary>
    /// <param name="variable">The value of a variable; null if it is not set.</param>
    public static int? LocalRank(Func<string, string?> variable) =>
        Number(variable, "OMPI_COMM_WORLD_LOCAL_RANK") ?? Number(variable, "MPI_LOCALRANKID") ?? Number(variable, "SLURM_LOCALID");

    private static int? Number(Func<string, string?> variable, string name) =>
        int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
}

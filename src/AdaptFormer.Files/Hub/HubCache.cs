
namespace AdaptFormer.Files.Hub;

/// <summary>
/// Where pulled models lie: one folder a model and commit, <c>OWNER--NAME/COMMIT</c>, and beside the commits one small file a revision that
/// names its commit. A file has its own name once it is whole and its digest was checked; until then it is <c>NAME.part</c>.
/// </summary>
public sealed class HubCache
{
    /// <summary>Environment variable with the cache's folder.</summary>
    public const string FolderVariable = "ADAPTFORMER_CACHE";

    private const string Complete = ".complete";

    /// <summary>A cache in a folder, which need not exist.</summary>
    /// <param name="folder">The folder; <see cref="FolderVariable"/>, or <c>adaptformer</c> in the user's cache folder, if null.</param>
    public HubCache(string? folder = null) => Folder = folder ?? Default();

    /// <summary>The cache's folder.</summary>
    public string Folder { get; }

    /// <summary>The folder of a pulled model, ready to be opened.</summary>
    /// <exception cref="FileNotFoundException">It was not pulled, or not to the end.</exception>
    public string Find(HubId id)
    {
        string reference = RevisionPath(id);
        string? commit = IsCommit(id.Revision) ? id.Revision : File.Exists(reference) ? File.ReadAllText(reference).Trim() : null;
        if (commit is not null && File.Exists(Path.Combine(FolderOf(id, commit), Complete))) return FolderOf(id, commit);
        throw new FileNotFoundException($"{HubId.Scheme}{id} is not in the cache {Folder}; fetch it with: adaptformer pull {id}");
    }

    /// <summary>The folder of a model at a commit.</summary>
    internal string FolderOf(HubId id, string commit) => Path.Combine(ModelFolder(id), commit);

    /// <summary>Says that everything needed of a commit is there, and that <paramref name="id"/>'s revision stands for it.</summary>
    internal void Finish(HubId id, string commit)
    {
        AtomicFile.WriteAllText(Path.Combine(FolderOf(id, commit), Complete), "");
        if (IsCommit(id.Revision)) return;
        Disk.CreateFolder(Path.GetDirectoryName(RevisionPath(id))!);
        AtomicFile.WriteAllText(RevisionPath(id), commit);
    }

    private string ModelFolder(HubId id) => Path.Combine(Folder, "hub", id.Repository.Replace("/", "--", StringComparison.Ordinal));

    private string RevisionPath(HubId id) =>
        Path.Combine(ModelFolder(id), "revisions", id.Revision.Replace("/", "--", StringComparison.Ordinal));

    private static bool IsCommit(string revision) => revision.Length == 40 && revision.All(char.IsAsciiHexDigitLower);

    private static string Default()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } named) return named;
        string? caches = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home ? home
            : OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), OperatingSystem.IsMacOS()
                ? "Library/Caches" : ".cache");
        return Path.Combine(caches, "adaptformer");
    }
}

using AdaptFormer.Data;
using AdaptFormer.Data.Images;
using AdaptFormer.Files;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Runs;

/// <summary>What a run writes into its folder beside the recipe, by relative paths.</summary>
/// <param name="Own">Files and folders that are the run's own, and deleted when it is replaced.</param>
/// <param name="Learned">Files, and folders of files, that hold what took time to learn: as long as none of them has content, nothing is
/// lost by beginning anew.</param>
public sealed record RunContent(IReadOnlyList<string> Own, IReadOnlyList<string> Learned);

/// <summary>
/// A run's folder, taken by one process. The recipe is the first file in it and the last to go, so a process that dies at any moment, or a
/// disk that is full, leaves a folder that is taken again: as a run, or as an empty folder.
/// </summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>Name of the file that makes a folder a run.</summary>
    public const string RecipeName = "recipe.json";

    private readonly FileStream _lock;

    private RunFolder(FileStream @lock) => _lock = @lock;

    /// <summary>Makes the folder, or takes over one, and writes the recipe.</summary>
    /// <param name="path">The folder; made with its parents if it is not there.</param>
    /// <param name="content">What the run writes.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <param name="existing">What to do with a run that is already there.</param>
    /// <param name="requireSame">Throws if the run that is there, and is to go on, is another one.</param>
    /// <exception cref="IOException">The folder is not empty and not a run, holds a run that may not be touched, is a file, or cannot be
    /// written.</exception>
    public static RunFolder Take(string path, RunContent content, string recipe, ExistingRun existing, Action requireSame)
    {
        if (File.Exists(path)) throw new IOException($"{path} is a file; give the output as a folder.");
        RequireUsable(path, content, existing);
        Disk.CreateFolder(path);
        RunFolder folder = new(FolderLock.Take(path));
        try
        {
            AtomicFile.RemoveAbandoned(path);
            RequireUsable(path, content, existing);     // again: another process may have come first
            bool isRun = IsRun(path);
            if (isRun && existing == ExistingRun.Resume) requireSame();
            else DeleteOwn(path, content);
            AtomicFile.WriteAllText(Path.Combine(path, RecipeName), recipe);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Whether a folder holds a run.</summary>
    public static bool IsRun(string path) => File.Exists(Path.Combine(path, RecipeName));

    /// <summary>Whether a name in a folder is nobody's: the lock, or what a killed process had not finished.</summary>
    public static bool IsRemains(string name) => name == FolderLock.Name || AtomicFile.IsTemporary(name);

    /// <summary>What a run's recipe says of its data, whichever version wrote it: earlier ones say nothing of orientation, and turned
    /// videos and no pictures.</summary>
    /// <param name="data">The section as it is read now.</param>
    /// <param name="recipe">The run's recipe.</param>
    public static DataOptions DataOf(DataOptions data, string recipe)
    {
        bool clips = DatasetSource.MeansClips($"{data.Kind}:{data.Train}");
        return clips || RecipeReader.Says(recipe, "data", "transform", "orientation")
            ? data
            : data with { Transform = data.Transform with { Orientation = OrientationRule.Ignore } };
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    /// <summary>Says whether a run may be written into a folder, before anything is done.</summary>
    /// <exception cref="IOException">It may not.</exception>
    public static void RequireUsable(string path, RunContent content, ExistingRun existing)
    {
        if (!Directory.Exists(path)) return;
        bool isRun = IsRun(path);
        if (!isRun && !Directory.EnumerateFileSystemEntries(path).All(entry => IsRemains(Path.GetFileName(entry))))
            throw new IOException($"{path} is not empty and holds no run; give the output as a new folder.");
        if (isRun && existing == ExistingRun.Refuse && content.Learned.Any(name => HasContent(Path.Combine(path, name))))
            throw new IOException(
                $"{path} holds a run already; go on with it with --resume, replace it with --overwrite, or give another output folder.");
    }

    private static bool HasContent(string path) => Directory.Exists(path)
        ? Directory.EnumerateFiles(path).Any(file => !IsRemains(Path.GetFileName(file)) && HasContent(file))
        : new FileInfo(path) is { Exists: true, Length: > 0 };

    private static void DeleteOwn(string path, RunContent content)
    {
        // The recipe goes last: a folder in which deleting was cut short is still known as a run.
        foreach (string own in content.Own.Append(RecipeName).Select(name => Path.Combine(path, name)))
        {
            if (Directory.Exists(own)) Disk.DeleteFolder(own);
            else if (File.Exists(own)) Disk.Delete(own);
        }
    }
}

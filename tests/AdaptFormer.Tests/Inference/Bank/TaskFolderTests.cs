using System.Collections.Concurrent;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Inference.Bank;

/// <summary>A folder whose files are the tasks of a bank.</summary>
public sealed class TaskFolderTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), Often = TimeSpan.FromMilliseconds(20);

    private readonly BankFiles _files = new();
    private readonly BlockingCollection<TaskFolderChange> _changes = [];

    public void Dispose()
    {
        _files.Dispose();
        _changes.Dispose();
    }

    [Fact]
    public async Task Files_that_come_change_and_go_are_tasks_that_do()
    {
        using Backbone model = TinyModels.Create("ViT");
        string watched = Directory.CreateDirectory(_files["watched"]).FullName;
        string one = _files.Save("ViT", new AdaptFormerTuning(4), "one", seed: 1), two = _files.Save("ViT", new LoraTuning(2), "two", seed: 2);
        File.Copy(one, Path.Combine(watched, "flowers.safetensors"));
        using TaskBank bank = new(model);
        using TaskFolder folder = await TaskFolder.OpenAsync(bank, watched, _changes.Add, Often);
        Assert.Equal(("flowers", TaskChange.Loaded), Next());
        float[] first = bank.Ask(BankFiles.Picture(0), "flowers").Logits;

        File.Copy(two, Path.Combine(watched, ".birds.tmp"));
        File.Move(Path.Combine(watched, ".birds.tmp"), Path.Combine(watched, "birds.safetensors"));
        Assert.Equal(("birds", TaskChange.Loaded), Next());

        File.Copy(two, Path.Combine(watched, "flowers.safetensors"), overwrite: true);
        Assert.Equal(("flowers", TaskChange.Replaced), Next());
        float[] second = bank.Ask(BankFiles.Picture(0), "flowers").Logits;
        Assert.NotEqual(first.Length, second.Length);

        string bad = Path.Combine(watched, "flowers.safetensors");
        File.WriteAllBytes(Path.Combine(watched, ".bad"), File.ReadAllBytes(one)[..^50]);
        File.SetLastWriteTimeUtc(Path.Combine(watched, ".bad"), DateTime.UtcNow.AddMinutes(-1));
        File.Move(Path.Combine(watched, ".bad"), bad, overwrite: true);
        Assert.Equal(("flowers", TaskChange.Refused), Next());
        Assert.Contains("flowers.safetensors", folder.Refused["flowers"]);
        Assert.Equal(second, bank.Ask(BankFiles.Picture(0), "flowers").Logits);

        File.Copy(one, bad, overwrite: true);
        Assert.Equal(("flowers", TaskChange.Replaced), Next());
        Assert.Empty(folder.Refused);
        File.Delete(bad);
        Assert.Equal(("flowers", TaskChange.Removed), Next());
        Assert.Throws<UnknownTaskException>(() => bank.Ask(BankFiles.Picture(0), "flowers"));
        Assert.Equal("birds", Assert.Single(bank.Tasks).Name);
    }

    [Fact]
    public async Task A_file_that_nobody_else_may_open_is_refused_once_and_loaded_when_it_is_free()
    {
        using Backbone model = TinyModels.Create("ViT");
        string watched = Directory.CreateDirectory(_files["watched"]).FullName, held = Path.Combine(watched, "held.safetensors");
        File.Copy(_files.Save("ViT", new AdaptFormerTuning(4), "task"), held);
        File.SetLastWriteTimeUtc(held, DateTime.UtcNow.AddMinutes(-1));
        using TaskBank bank = new(model);
        FileStream owner = new(held, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using TaskFolder folder = await TaskFolder.OpenAsync(bank, watched, _changes.Add, Often);
        Assert.Equal(("held", TaskChange.Refused), Next());
        Assert.Contains("held.safetensors", folder.Refused["held"]);
        File.Move(held, Path.Combine(watched, ".held"));        // with the file goes what was said of it
        Assert.True(SpinWait.SpinUntil(() => folder.Refused.Count == 0, Patience), "a file that is gone is still refused");
        File.Move(Path.Combine(watched, ".held"), held);
        Assert.Equal(("held", TaskChange.Refused), Next());
        await owner.DisposeAsync();
        Assert.Equal(("held", TaskChange.Loaded), Next());
        Assert.Empty(folder.Refused);
    }

    [Fact]
    public async Task A_new_task_that_fails_its_self_test_is_refused_with_the_reason()
    {
        using Backbone model = TinyModels.Create("ViT");
        byte[] bytes = File.ReadAllBytes(_files.Save("ViT", new AdaptFormerTuning(4), "task"));
        bytes.AsSpan(bytes.Length - 400).Fill(0x40);      // numbers of 3.0 in place of the trained ones
        string watched = Directory.CreateDirectory(_files["watched"]).FullName;
        File.WriteAllBytes(Path.Combine(watched, "wrong.safetensors"), bytes);
        using TaskBank bank = new(model);
        using TaskFolder folder = await TaskFolder.OpenAsync(bank, watched, _changes.Add, Often);
        HashSet<(string, TaskChange)> told = [Next(), Next()];                 // it may fail before its loading is told
        Assert.Contains(("wrong", TaskChange.Refused), told);
        Assert.Contains("self-test", folder.Refused["wrong"]);
        Assert.Empty(bank.Tasks);
    }

    [Fact]
    public async Task Two_banks_may_watch_one_folder_and_a_missing_one_is_named()
    {
        using Backbone model = TinyModels.Create("ViT"), same = TinyModels.Create("ViT");
        string path = _files.Save("ViT", new AdaptFormerTuning(4), "task");
        using TaskBank one = new(model), two = new(same);
        using TaskFolder first = await TaskFolder.OpenAsync(one, _files.Folder, _changes.Add, Often), second = await TaskFolder.OpenAsync(two, _files.Folder, _changes.Add, Often);
        Assert.Equal(one.Ask(BankFiles.Picture(0), "task").Logits, two.Ask(BankFiles.Picture(0), "task").Logits);
        Assert.Contains("nowhere", (await Assert.ThrowsAsync<DirectoryNotFoundException>(() => TaskFolder.OpenAsync(one, _files["nowhere"], _changes.Add))).Message);
        Assert.NotNull(path);
    }

    private (string Task, TaskChange Kind) Next()
    {
        Assert.True(_changes.TryTake(out TaskFolderChange? change, Patience), "nothing happened");
        return (change.Task, change.Kind);
    }
}

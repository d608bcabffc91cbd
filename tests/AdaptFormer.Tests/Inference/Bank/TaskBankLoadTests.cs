using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Inference.Bank;

/// <summary>Many askers at once: nothing is lost, mixed up, or answered twice.</summary>
public sealed class TaskBankLoadTests : IDisposable
{
    private readonly BankFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Tasks_are_replaced_and_removed_while_they_are_asked()
    {
        using Backbone model = TinyModels.Create("ViT");
        using TaskBank bank = new(model, new TaskBankOptions(BatchSize: 8));
        string[] versions = [.. Enumerable.Range(0, 3).Select(i => _files.Save("ViT", new AdaptFormerTuning(4), $"v{i}", seed: i))];
        float[][] known = new float[3][];
        for (int i = 0; i < 3; i++)
        {
            bank.Load(versions[i], "task");
            known[i] = bank.Ask(BankFiles.Picture(0), "task").Logits;
        }

        using CancellationTokenSource stop = new();
        int answered = 0, missing = 0;
        Task[] askers = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    float[] answer = (await bank.AskAsync(BankFiles.Picture(0), "task")).Logits;
                    Assert.Contains(known, version => version.Length == answer.Length && version.Zip(answer).All(pair => Math.Abs(pair.First - pair.Second) < 1e-5));
                    Interlocked.Increment(ref answered);
                }
                catch (UnknownTaskException)
                {
                    Interlocked.Increment(ref missing);
                }
            }
        }))];
        for (int i = 0; i < 30; i++)
        {
            if (i % 7 == 6) bank.Remove("task");
            else await bank.LoadAsync(versions[i % 3], "task");
        }

        await bank.LoadAsync(versions[0], "task");
        while (Volatile.Read(ref answered) == 0) await Task.Yield();
        await stop.CancelAsync();
        await Task.WhenAll(askers);
        Assert.True(answered > 0);
        Assert.Equal(0, bank.Waiting);
    }

    [Fact]
    public async Task A_full_queue_refuses_and_what_was_taken_is_answered_at_the_end()
    {
        using Backbone model = TinyModels.Create("ViT");
        List<Task<TaskAnswer>> asked = [];
        int refused = 0;
        using (TaskBank bank = new(model, new TaskBankOptions(BatchSize: 1, QueueLength: 8, TaskQueueLength: 5, WhenFull: WhenFull.Refuse)))
        {
            bank.Load(_files.Save("ViT", new AdaptFormerTuning(4), "busy"));
            bank.Load(_files.Save("ViT", new AdaptFormerTuning(4), "other", seed: 1));
            for (int i = 0; i < 200; i++) asked.Add(bank.AskAsync(BankFiles.Picture(i), i % 10 == 0 ? "other" : "busy"));
            foreach (Task<TaskAnswer> one in asked)
            {
                try
                {
                    await one;
                }
                catch (BankBusyException e)
                {
                    refused++;
                    Assert.Contains("ask again later", e.Message);
                }
            }
        }

        Assert.InRange(asked.Count(one => one.IsCompletedSuccessfully), 1, 200 - refused);
        Assert.Equal(200, asked.Count(one => one.IsCompletedSuccessfully) + refused);
    }

    [Fact]
    public async Task Closing_answers_what_was_taken()
    {
        using Backbone model = TinyModels.Create("ViT");
        TaskBank bank = new(model, new TaskBankOptions(BatchSize: 2));
        bank.Load(_files.Save("ViT", new AdaptFormerTuning(4), "task"));
        Task<TaskAnswer>[] asked = [.. Enumerable.Range(0, 40).Select(i => bank.AskAsync(BankFiles.Picture(i), "task"))];
        while (bank.Waiting == 0 && !asked.All(one => one.IsCompleted)) await Task.Yield();
        bank.Dispose();
        int answered = 0;
        foreach (Task<TaskAnswer> one in asked)
        {
            try
            {
                answered += (await one).Logits.Length > 0 ? 1 : 0;
            }
            catch (ObjectDisposedException)
            {
                // It came after the end.
            }
            catch (UnknownTaskException)
            {
                // So did this one.
            }
        }

        Assert.True(answered > 0, "nothing was answered");
    }

    [Fact]
    public async Task A_cancelled_question_costs_no_pass_and_a_late_one_is_given_up()
    {
        using Backbone model = TinyModels.Create("ViT");
        using TaskBank hasty = new(model, new TaskBankOptions(BatchDelay: TimeSpan.FromMilliseconds(200), Deadline: TimeSpan.FromMilliseconds(20)));
        using TaskBank bank = new(model, new TaskBankOptions(BatchDelay: TimeSpan.FromSeconds(5)));
        string path = _files.Save("ViT", new AdaptFormerTuning(4), "task");
        hasty.Load(path);
        bank.Load(path);
        await Assert.ThrowsAsync<TimeoutException>(() => hasty.AskAsync(BankFiles.Picture(0), "task"));
        using CancellationTokenSource stop = new();
        Task<TaskAnswer> one = bank.AskAsync(BankFiles.Picture(0), "task", stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
    }

    [Fact]
    public void Lines_take_turns_so_that_one_task_does_not_hold_up_the_others()
    {
        using Backbone model = TinyModels.Create("ViT");
        TaskVersion busy = Read("busy"), other = Read("other");
        FairQueue queue = new(most: 100, mostOfOne: 60);
        for (int i = 0; i < 60; i++) Add(busy);
        Assert.Contains("'busy'", queue.Refusal(["busy"])!);
        Assert.Null(queue.Refusal(["other"]));
        for (int i = 0; i < 3; i++) Add(other);
        string[] taken = [.. queue.Take(8).Select(question => question.Task.Name)];
        Assert.Equal(["busy", "other", "busy", "other", "busy", "other", "busy", "busy"], taken);
        Assert.Equal(55, queue.Count);
        for (int i = queue.Count; i < 100; i++) Add(other);
        Assert.Contains("100 questions", queue.Refusal(["third"])!);

        void Add(TaskVersion task)
        {
            task.TryPin();
            queue.Add(new Question(task, new PreparedInput(null, [new float[1]], []), null, default));
        }

        TaskVersion Read(string name)
        {
            string path = _files.Save("ViT", new AdaptFormerTuning(4), name);
            return new TaskVersion(name, 1, AdapterTask.Load(path, model), model, FileStamp.Of(path), isTested: true);
        }
    }
}

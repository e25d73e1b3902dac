// What C++ programs need of a system: exceptions and destructors in their
// order, streams, containers, threads, futures, thread-local objects.
#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>
#include <vector>

namespace {

struct Traced {
  explicit Traced(std::string given) : name(std::move(given)) {}
  ~Traced() { std::cout << " ~" << name; }
  std::string name;
};

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Square : Shape {
  double area() const override { return 4; }
};
struct Circle : Shape {
  double area() const override { return 3.14; }
};

int deep(int n) {
  Traced traced("d" + std::to_string(n));
  if (n == 0) throw std::out_of_range("the bottom");
  return deep(n - 1) + 1;
}

void exceptions() {
  std::cout << "exceptions:";
  try {
    try {
      deep(3);
    } catch (const std::logic_error& error) {
      std::cout << " [" << error.what() << "]";
      std::throw_with_nested(std::runtime_error("outside"));
    }
  } catch (const std::exception& error) {
    std::cout << " [" << error.what() << "]";
    try {
      std::rethrow_if_nested(error);
    } catch (const std::out_of_range& inner) {
      std::cout << " in it [" << inner.what() << "]";
    }
  }
  const std::unique_ptr<Shape> shape = std::make_unique<Circle>();
  std::cout << " " << (dynamic_cast<const Square*>(shape.get()) == nullptr);
  try {
    std::cout << dynamic_cast<const Square&>(*shape).area();
  } catch (const std::bad_cast&) {
    std::cout << " bad cast";
  }
  try {
    std::vector<int> huge(std::vector<int>().max_size());
    std::cout << huge.size();
  } catch (const std::bad_alloc&) {
    std::cout << " bad alloc\n";
  }
}

void streams() {
  {
    std::ofstream out("cplusplus.txt");
    for (int i = 0; i < 1000; ++i) out << std::setw(6) << i << ' ' << std::hex << i * i << std::dec << '\n';
  }
  std::ifstream in("cplusplus.txt");
  std::map<std::size_t, int> lengths;
  std::string line;
  while (std::getline(in, line)) ++lengths[line.size()];
  std::remove("cplusplus.txt");
  std::ostringstream text;
  for (const auto& [length, count] : lengths) text << length << ':' << count << ' ';
  std::cout << "streams: " << text.str() << std::fixed << std::setprecision(4) << 2.0 / 3 << '\n';
}

class Channel {
 public:
  void put(int value) {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      values_.push(value);
    }
    changed_.notify_one();
  }
  int take() {
    std::unique_lock<std::mutex> guard(mutex_);
    changed_.wait(guard, [this] { return !values_.empty(); });
    const int value = values_.front();
    values_.pop();
    return value;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::queue<int> values_;
};

thread_local int seen = 0;

void threads() {
  Channel work, results;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i)
    workers.emplace_back([&] {
      for (int value = work.take(); value >= 0; value = work.take()) {
        seen += value;
        results.put(value * value);
      }
      results.put(-seen);
    });
  for (int i = 0; i < 200; ++i) work.put(i);
  for (int i = 0; i < 4; ++i) work.put(-1);
  long squares = 0, all_seen = 0;
  for (int i = 0; i < 204; ++i) {
    const int value = results.take();
    (value < 0 ? all_seen : squares) += value;
  }
  for (std::thread& worker : workers) worker.join();
  std::cout << "threads:";
  std::future<int> failing = std::async(std::launch::async, [] { return deep(0); });
  failing.wait();
  std::cout << "; " << squares << ' ' << -all_seen << ' ' << seen;
  try {
    failing.get();
  } catch (const std::out_of_range& error) {
    std::cout << " and from another [" << error.what() << "]\n";
  }
}

void containers() {
  std::vector<std::string> words;
  for (int i = 0; i < 20000; ++i) words.push_back(std::to_string(i * 7919 % 20011));
  std::sort(words.begin(), words.end());
  std::map<char, int> firsts;
  for (const std::string& word : words) ++firsts[word.front()];
  std::cout << "containers: " << words[10000];
  for (const auto& [first, count] : firsts) std::cout << ' ' << first << count;
  std::cout << '\n';
}

}  // namespace

int main() {
  exceptions();
  streams();
  containers();
  threads();
  std::cout.flush();
  throw std::runtime_error("not caught");
}
